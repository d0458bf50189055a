"""``biomero runs rerun`` and ``compare``: whether a run brings the same again.

The engine and what reads images are imported when they are wanted: commands that only look are quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.run_request import RunRequest
from biomero.bootstrap import make_services, open_record, settings_for
from biomero.domain.ids import RunId
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_record, with_services
from biomero.entrypoints.cli.options import cluster_options, json_option, this_user

if TYPE_CHECKING:
    from biomero.application.compare_runs import RunComparison
    from biomero.application.services import Services

_HERE = "local"
_COLOURS = {"equal": "green", "same pixels": "green", "different": "red", "missing": "red", "new": "yellow"}


@click.command()
@click.argument("run_id", metavar="ID")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="Folder for the new results; beside the run's own by default.",
)
@click.option(
    "--changed-inputs-ok", is_flag=True, help="Go on where images have changed, and without those gone."
)
@cluster_options
@json_option
@exits.tells_errors
def rerun(**given: Any) -> None:  # noqa: ANN401 - click hands over what the options above declare
    """Repeat a run from its record, and say for each output whether it is equal.

    It runs where it ran, unless --cluster names another place (`local` is this machine). Inputs and
    workflow are compared with the record before anything is sent. Ends with 0 if the same program made the
    same outputs from the same inputs, and with 1 if something differs or a run failed.
    """
    from biomero.application.check_cluster import check_cluster
    from biomero.application.rerun_run import check_repetition
    from biomero.application.submit_run import accept_order
    from biomero.entrypoints.cli.run import drive

    services, found = _services_for(given)
    results: Path | None = given["results"]
    repetition = check_repetition(
        found,
        services,
        results=results and results.absolute(),
        changed_inputs_ok=given["changed_inputs_ok"],
        config=_config_of(services, found, given),
        requested_by=this_user(),
    )
    for change in repetition.changes:
        click.echo(f"biomero: {exits.printable(change)}", err=True)
    settings = services.settings
    with services.clusters.open(settings.cluster) as cluster:
        check_cluster(cluster, repetition.order, settings)
        run_id = accept_order(repetition.order, services)
        drive(run_id, services, cluster, as_json=given["as_json"])
    _tell(found, run_id, services, as_json=given["as_json"])


@click.command()
@click.argument("run_id", metavar="ID")
@click.argument("other_id", metavar="OTHER")
@json_option
@exits.tells_errors
def compare(*, run_id: str, other_id: str, as_json: bool) -> None:
    """Say for each output of two runs whether it is equal; ends as rerun does."""
    services = with_services(make_services(settings_for()))
    first, second = services.record.find(run_id), services.record.find(other_id)
    _tell(first, second, services, as_json=as_json)


def _services_for(given: dict[str, Any]) -> tuple[Services, RunId]:
    """Return the run, and the services with its own settings but for those that were given."""
    record = with_record(open_record(settings_for()))
    found = record.find(given["run_id"])
    request = record.get(found).request
    cluster, ssh_config, config = given["cluster"], given["ssh_config"], given["config"]
    if request:
        before = RunRequest.from_json(request)
        cluster = cluster or before.cluster or _HERE
        ssh_config = ssh_config or before.ssh_config
        config = config or before.config
    return with_services(
        make_services(settings_for(config=config, cluster=cluster, ssh_config=ssh_config))
    ), found


def _config_of(services: Services, run_id: RunId, given: dict[str, Any]) -> Path | None:
    config: Path | None = given["config"]
    if config is not None:
        return config.absolute()
    request = services.record.get(run_id).request
    return RunRequest.from_json(request).config if request else None


def _tell(first: RunId, second: RunId, services: Services, *, as_json: bool) -> None:
    """Show how two runs compare, and leave."""
    from biomero.application.compare_runs import compare_runs

    comparison = compare_runs(first, second, record=services.record, images=services.images)
    if as_json:
        exits.print_json(_document(comparison))
    else:
        _print(comparison)
    sys.exit(exits.DONE if comparison.is_equal else exits.RUN_FAILED)


def _document(comparison: RunComparison) -> dict[str, Any]:
    return {
        "first": {"id": comparison.first, "status": comparison.statuses[0].value},
        "second": {"id": comparison.second, "status": comparison.statuses[1].value},
        "is_equal": comparison.is_equal,
        "inputs": {"changed": list(comparison.changed_inputs)},
        "parameters": {"changed": list(comparison.changed_parameters)},
        "program": {
            "is_equal": comparison.has_same_program,
            "versions": list(comparison.versions),
            "identities": list(comparison.programs),
        },
        "outputs": [
            {"path": o.path, "kind": o.kind.value, "verdict": o.verdict.value, "note": o.note}
            for o in comparison.outputs
        ],
    }


def _print(comparison: RunComparison) -> None:
    console = Console(highlight=False)
    table = Table(box=None, header_style="bold")
    for column in ("output", "kind", ""):
        table.add_column(column, overflow="fold")
    for output in comparison.outputs:
        word = output.verdict.value
        note = f" ({_text(output.note)})" if output.note else ""
        table.add_row(
            _text(output.path), output.kind.value, f"[{_COLOURS[word]}]{word}[/{_COLOURS[word]}]{note}"
        )
    console.print(table)
    for run_id, status in zip((comparison.first, comparison.second), comparison.statuses, strict=True):
        console.print(f"run {run_id} {status.value}", soft_wrap=True)
    for what, names in (("input", comparison.changed_inputs), ("parameter", comparison.changed_parameters)):
        for name in names:
            console.print(f"[red]different[/red] {what}: {_text(name)}", soft_wrap=True)
    if not comparison.has_same_program:
        console.print(
            f"[red]different[/red] program: {_text(comparison.versions[0])} {comparison.programs[0]}, then "
            f"{_text(comparison.versions[1])} {comparison.programs[1]}",
            soft_wrap=True,
        )
    console.print("[green]equal[/green]" if comparison.is_equal else "[red]not equal[/red]")


def _text(value: object) -> str:
    return escape(exits.printable(str(value)))
