"""``biomero omero install-scripts``: our scripts, where OMERO looks for them."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import click

from biomero.application.install_scripts import copy_scripts, upload_scripts
from biomero.bootstrap import official_scripts, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option
from biomero.errors import UsageError

_SCRIPTS = "biomero.entrypoints.omero_scripts.scripts"


@click.command("install-scripts")
@click.argument("folder", required=False, type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--server",
    "is_server",
    is_flag=True,
    help="Upload them to the server of [OMERO], whose account has to be an administrator there.",
)
@config_option
@json_option
@exits.tells_errors
def install_scripts(*, folder: Path | None, is_server: bool, config: Path | None, as_json: bool) -> None:
    """Copy BIOMERO's scripts to FOLDER/biomero, where FOLDER is OMERO.server's lib/scripts.

    Doing it again changes what is not as it should be, such as after an upgrade.
    """
    if (folder is None) is not is_server:
        raise UsageError("name OMERO.server's folder lib/scripts, or say --server; one of them")
    scripts = {
        file.name: file.read_text()
        for file in files(_SCRIPTS).iterdir()
        if file.name.endswith(".py") and file.name != "__init__.py"
    }
    if folder is not None:
        changed = [file.name for file in copy_scripts(scripts, folder)]
    else:
        changed = upload_scripts(scripts, official_scripts(settings_for(config=config)))
    if as_json:
        exits.print_json({"scripts": sorted(scripts), "changed": sorted(changed)})
        return
    for name in sorted(scripts):
        click.echo(f"{'installed' if name in changed else 'as it was'}  {name}")
