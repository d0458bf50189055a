"""``biomero runs crate``: a run for others, as an RO-Crate."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from biomero.application.run_request import RunRequest
from biomero.bootstrap import make_crate_writer, open_record, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_record
from biomero.entrypoints.cli.options import json_option


@click.command()
@click.argument("run_id", metavar="ID")
@click.option(
    "-o",
    "--out",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder, or a file whose name ends in .zip.",
)
@click.option("--with-inputs", is_flag=True, help="Copy the inputs too, instead of naming their paths.")
@click.option("--license", "licence", metavar="URL", help="The licence under which others may use it.")
@click.option("--force", is_flag=True, help="Replace a crate that stands there.")
@json_option
@exits.tells_errors
def crate(
    *, run_id: str, target: Path, with_inputs: bool, licence: str | None, force: bool, as_json: bool
) -> None:
    """Write a run that has ended as a Workflow Run RO-Crate.

    It holds results, logs and report, and says who ran what on which images, with which parameters and
    which container. Ends with 1 if something of the results is missing or was changed since.
    """
    settings = settings_for()
    record = with_record(open_record(settings))
    found = record.find(run_id)
    request = record.get(found).request
    if request:  # workflows that the run's own settings name
        settings = settings_for(config=RunRequest.from_json(request).config)
    written = make_crate_writer(settings).write(
        found, target.absolute(), with_inputs=with_inputs, replace=force, licence=licence
    )
    if as_json:
        exits.print_json({"id": found, "path": str(written.path), "findings": list(written.findings)})
    else:
        for finding in written.findings:
            click.echo(f"biomero: {exits.printable(finding)}", err=True)
        click.echo(f"crate: {exits.printable(str(written.path))}")
    sys.exit(exits.RUN_FAILED if written.findings else exits.DONE)
