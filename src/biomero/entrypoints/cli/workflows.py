"""``biomero workflows``: what can be run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.ports.workflows import Workflow
from biomero.bootstrap import open_catalogue, settings_for
from biomero.domain.descriptor import Parameter
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option
from biomero.errors import BiomeroError


@click.group()
def workflows() -> None:
    """See which workflows there are and what they want."""


@workflows.command("list")
@config_option
@json_option
@exits.tells_errors
def list_workflows(*, config: Path | None, as_json: bool) -> None:
    """List the known workflows. Nothing is fetched: of some there are only names and addresses yet."""
    settings = settings_for(config=config)
    catalogue = open_catalogue(settings)
    rows: list[dict[str, str]] = []
    for name in catalogue.names():
        try:
            workflow = catalogue.at_hand(name)
            if workflow is None:
                rows.append({"name": name, "address": settings.workflows[name].reference})
                continue
            descriptor = workflow.descriptor
            rows.append({"name": name, "title": descriptor.name, "description": descriptor.description})
        except BiomeroError as exc:
            rows.append({"name": name, "error": str(exc)})
    if as_json:
        exits.print_json({"workflows": rows})
        return
    table = Table(box=None, header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("description", overflow="fold")
    for row in rows:
        text = row.get("description") or row.get("error") or row.get("address", "")
        table.add_row(row["name"], escape(exits.printable(text)))
    Console().print(table)


@workflows.command()
@click.argument("name")
@config_option
@json_option
@exits.tells_errors
def show(name: str, *, config: Path | None, as_json: bool) -> None:
    """Show a workflow: its parameters with types, defaults, choices and descriptions."""
    workflow = open_catalogue(settings_for(config=config)).find(name)
    if as_json:
        exits.print_json(_document(workflow))
        return
    console = Console(highlight=False)
    descriptor = workflow.descriptor
    console.print(f"[bold]{escape(descriptor.name)}[/bold]  {escape(workflow.version[:20])}")
    console.print(escape(exits.printable(descriptor.description)))
    table = Table(box=None, header_style="bold")
    for column in ("parameter", "type", "default", "allowed", "description"):
        table.add_column(column, no_wrap=column == "parameter")
    for parameter in [*descriptor.inputs[1:], *descriptor.user_parameters]:
        default = "required" if not parameter.optional and parameter.default is None else parameter.default
        table.add_row(
            parameter.id,
            parameter.type.value,
            escape("" if default is None else str(default)),
            escape(_allowed(parameter)),
            escape(exits.printable(parameter.description or parameter.name)),
        )
    console.print(table)


def _allowed(parameter: Parameter) -> str:
    if parameter.type.is_path:
        return ", ".join(parameter.formats)
    if parameter.choices:
        return ", ".join(str(choice.value) for choice in parameter.choices)
    low = "" if parameter.minimum is None else f"{parameter.minimum:g}"
    high = "" if parameter.maximum is None else f"{parameter.maximum:g}"
    return f"{low} … {high}".strip() if low or high else ""


def _document(workflow: Workflow) -> dict[str, object]:
    descriptor = workflow.descriptor
    return {
        "name": descriptor.name,
        "description": descriptor.description,
        "version": workflow.version,
        "folder": str(workflow.folder),
        "format": descriptor.format.value,
        "container_image": descriptor.container_image.name if descriptor.container_image else None,
        "takes_zarr": descriptor.takes_zarr,
        "inputs": [_parameter(p) for p in descriptor.inputs],
        "parameters": [_parameter(p) for p in descriptor.user_parameters],
        "outputs": [asdict(o) for o in descriptor.outputs],
        "resources": asdict(descriptor.resources),
    }


def _parameter(parameter: Parameter) -> dict[str, object]:
    return {
        "id": parameter.id,
        "type": parameter.type.value,
        "name": parameter.name,
        "description": parameter.description,
        "default": parameter.default,
        "optional": parameter.optional,
        "choices": [asdict(c) for c in parameter.choices],
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "formats": list(parameter.formats),
    }
