"""``biomero runs``: what was run, what runs, and what to do about it.

Commands that drive a run import the engine themselves, so that those that only look are quick.
"""

from __future__ import annotations

import sys

import click

from biomero.application.describe_run import describe_run
from biomero.application.ports.clusters import Cluster
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.bootstrap import make_services, open_record, settings_for
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import json_option, this_user
from biomero.entrypoints.cli.progress import TerminalProgress
from biomero.entrypoints.cli.show import print_run, print_runs


@click.group()
def runs() -> None:
    """Look at runs, and cancel or resume them, from any shell.

    ID is the beginning of a run's id, or `last`.
    """


@runs.command("list")
@json_option
@exits.tells_errors
def list_runs(*, as_json: bool) -> None:
    """List all runs, newest first."""
    record = open_record(settings_for())
    documents = [describe_run(record, run_id) for run_id in reversed(record.ids())]
    if as_json:
        keys = ("id", "status", "cluster", "user", "times", "workflow", "failure")
        exits.print_json({"runs": [{k: d.to_dict()[k] for k in keys} for d in documents]})
    else:
        print_runs(documents)


@runs.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def show(run_id: str, *, as_json: bool) -> None:
    """Show a run: its steps, images, jobs and results."""
    record = open_record(settings_for())
    document = describe_run(record, record.find(run_id))
    if as_json:
        exits.print_json(document.to_dict())
    else:
        print_run(document, results=record.get(document.id).request["results"])


@runs.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def logs(run_id: str, *, as_json: bool) -> None:
    """Print what the jobs of a run print."""
    from biomero.application.read_logs import read_logs

    services, found = _find(run_id)
    files = read_logs(found, services, lambda: _cluster_of(services))
    texts = {file.name: file.read_bytes().decode(errors="replace") for file in files}
    if as_json:
        exits.print_json({"id": found, "logs": texts})
        return
    for name, text in texts.items():
        click.echo(click.style(f"── {name}", bold=True))
        click.echo(exits.printable(text))
    if not texts:
        click.echo(f"run {found} has no logs yet", err=True)


@runs.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def cancel(run_id: str, *, as_json: bool) -> None:
    """End a run and its jobs."""
    from biomero.application.cancel_run import cancel_run

    services, found = _find(run_id)
    with _cluster_of(services) as cluster, TerminalProgress() as progress:
        run = cancel_run(found, services, cluster, progress, requested_by=this_user())
    if as_json:
        exits.print_json(describe_run(services.record, found).to_dict())
    elif run.status is RunStatus.CANCELLED:
        click.echo(f"run {found} is cancelled")
    else:
        click.echo(f"run {found} had ended before: {run.status.value}")
    sys.exit(exits.DONE)


@runs.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def resume(run_id: str, *, as_json: bool) -> None:
    """Go on with a run that was left or paused, from where it stands."""
    from biomero.entrypoints.cli.run import finish

    services, found = _find(run_id)
    run = services.record.get(found)
    if run.status.is_final and not as_json:
        click.echo(f"run {found} had ended before: {run.status.value}", err=True)
    with _cluster_of(services) as cluster:
        finish(found, services, cluster, as_json=as_json)


def _find(text: str) -> tuple[Services, RunId]:
    """Return a run, and the services with the settings that it was started with."""
    record = open_record(settings_for())
    found = record.find(text)
    request = RunRequest.from_json(record.get(found).request)
    settings = settings_for(config=request.config, cluster=request.cluster, ssh_config=request.ssh_config)
    return make_services(settings), found


def _cluster_of(services: Services) -> Cluster:
    return services.clusters.open(services.settings.cluster)
