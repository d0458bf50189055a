"""``biomero omero``: what a user finds at OMERO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.omero_images import omero_for
from biomero.bootstrap import make_services, settings_for
from biomero.domain.omero import OmeroEntry, OmeroRef
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_services
from biomero.entrypoints.cli.import_results import import_results
from biomero.entrypoints.cli.install_scripts import install_scripts
from biomero.entrypoints.cli.omero_options import whose
from biomero.entrypoints.cli.options import config_option, json_option
from biomero.errors import InputError


@click.group()
def omero() -> None:
    """Look at OMERO, put results there once more, and install BIOMERO's scripts."""


omero.add_command(install_scripts)
omero.add_command(import_results)


@omero.command("list")
@click.argument("inside", required=False, metavar="[KIND:ID]")
@click.option("--omero-user", metavar="NAME", help="Whose, where a service account acts for users.")
@config_option
@json_option
@exits.tells_errors
def list_(*, inside: str | None, omero_user: str | None, config: Path | None, as_json: bool) -> None:
    """List your projects, datasets, screens and plates, or what is in one: Dataset:7, Plate:3, Well:12."""
    settings = settings_for(config=config)
    user = whose(omero_user, settings.omero)
    try:
        ref = None if inside is None else OmeroRef.parse(inside)
    except ValueError as exc:
        raise InputError(str(exc)) from exc
    services = with_services(make_services(settings))
    with omero_for(None, services).reader(user) as reader:
        entries = reader.contents(ref)
    if as_json:
        exits.print_json({"objects": [{**asdict(entry), "ref": str(entry.ref)} for entry in entries]})
    else:
        _print(entries)


def _print(entries: Sequence[OmeroEntry]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("object", "name", "owner", "group"):
        table.add_column(column, no_wrap=column == "object")
    for entry in entries:
        cells = (str(entry.ref), entry.name, entry.owner, entry.group)
        table.add_row(*(escape(exits.printable(cell)) for cell in cells))
    Console().print(table)
