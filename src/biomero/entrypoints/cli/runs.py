"""``biomero runs``: what was run, what runs, and what to do about it.

Commands that drive a run import the engine themselves, so that those that only look are quick.
"""

from __future__ import annotations

import click

from biomero.application.describe_run import describe_run
from biomero.application.why_waiting import why_waiting
from biomero.bootstrap import make_queue, open_record, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.closing import with_record
from biomero.entrypoints.cli.crate import crate
from biomero.entrypoints.cli.find_run import cluster_of, find_run
from biomero.entrypoints.cli.options import json_option
from biomero.entrypoints.cli.rerun import compare, rerun
from biomero.entrypoints.cli.show import print_run, print_runs
from biomero.entrypoints.cli.steer import cancel, pause, resume, retry, watch


@click.group()
def runs() -> None:
    """Look at runs, and say what shall become of them, from any shell.

    ID is the beginning of a run's id, or `last`.
    """


@runs.command("list")
@json_option
@exits.tells_errors
def list_runs(*, as_json: bool) -> None:
    """List all runs, newest first."""
    record = with_record(open_record(settings_for()))
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
    record = with_record(open_record(settings_for()))
    run = record.get(record.find(run_id))
    document = describe_run(record, run.run_id)
    why = why_waiting(run, make_queue(record.tracker))
    if as_json:
        exits.print_json({**document.to_dict(), "waits_for": why})
    else:
        print_run(document, results=run.request.get("results"), waits_for=why)


@runs.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def logs(run_id: str, *, as_json: bool) -> None:
    """Print what the jobs of a run print."""
    from biomero.application.read_logs import read_logs

    services, found = find_run(run_id)
    files = read_logs(found, services, lambda: cluster_of(services))
    texts = {file.name: file.read_bytes().decode(errors="replace") for file in files}
    if as_json:
        exits.print_json({"id": found, "logs": texts})
        return
    for name, text in texts.items():
        click.echo(click.style(f"── {name}", bold=True))
        click.echo(exits.printable(text))
    if not texts:
        click.echo(f"run {found} has no logs yet", err=True)


for _command in (watch, pause, resume, retry, cancel, crate, rerun, compare):
    runs.add_command(_command)
