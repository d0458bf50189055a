"""``biomero runs watch``, ``pause``, ``resume``, ``retry`` and ``cancel``: what to do about a run under way.

A wish is recorded first, and holds whoever drives the run. The engine is imported by those who need it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

import click

from biomero.application.describe_run import describe_run
from biomero.application.services import Services
from biomero.bootstrap import settings_for
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.find_run import cluster_of, find_run
from biomero.entrypoints.cli.options import json_option, this_user
from biomero.entrypoints.cli.progress import TerminalProgress
from biomero.errors import DatabaseUnavailableError, UsageError

_PATIENCE_S = 600.0
_LOOK_S = 2.0

detach_option = click.option(
    "--detach", is_flag=True, help="Only record the wish, for a worker; do not wait for what comes of it."
)


@click.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def watch(run_id: str, *, as_json: bool) -> None:
    """Follow a run that somebody else drives, until it has ended or is paused.

    Nothing happens to the run when the watching ends. Exit codes are those of `biomero run`.
    """
    from biomero.application.follow_run import follow_run
    from biomero.entrypoints.cli.run import tell_paused

    services, found = find_run(run_id)
    if not as_json:
        click.echo(f"run {found}", err=True)
        warn_if_nobody_drives(services, found)
    try:
        with TerminalProgress() as progress:
            _patiently(lambda: follow_run(found, services, progress), services)
    except KeyboardInterrupt:
        if not as_json:
            click.echo(f"run {found} goes on; watch it again:  biomero runs watch {found[:8]}", err=True)
        sys.exit(exits.INTERRUPTED)
    run = services.record.get(found)
    if run.status is RunStatus.PAUSED:
        why = "somebody wanted it to stop for a while" if run.failure is None else run.failure["message"]
        tell_paused(found, services, str(why), as_json=as_json)
    _show(services, found, as_json=as_json)


@click.command()
@click.argument("run_id", metavar="ID")
@json_option
@exits.tells_errors
def pause(run_id: str, *, as_json: bool) -> None:
    """Let a run stop at the next safe place; its jobs go on, and `resume` picks up what they made."""
    from biomero.application.pause_run import pause_run

    services, found = find_run(run_id)
    run = pause_run(found, services, requested_by=this_user())
    if as_json:
        exits.print_json(describe_run(services.record, found).to_dict())
    elif run.status.is_final:
        click.echo(f"run {found} had ended before: {run.status.value}")
    else:
        click.echo(f"run {found} stops at the next safe place")


@click.command()
@click.argument("run_id", metavar="ID")
@detach_option
@json_option
@exits.tells_errors
def resume(run_id: str, *, detach: bool, as_json: bool) -> None:
    """Go on with a run that was left or paused, from where it stands."""
    from biomero.application.pause_run import resume_run
    from biomero.entrypoints.cli.run import finish

    services, found = find_run(run_id)
    run = services.record.get(found)
    if run.status.is_final and not as_json:
        click.echo(f"run {found} had ended before: {run.status.value}", err=True)
    if detach:
        if not run.status.is_final:
            resume_run(found, services, requested_by=this_user())
        _leave(services, found, as_json=as_json)
    with cluster_of(services) as cluster:
        finish(found, services, cluster, as_json=as_json)


@click.command()
@click.argument("run_id", metavar="ID")
@click.option("--step", metavar="NAME", help="This step, and what follows it.")
@click.option("--failed-images", "what", flag_value="failed-images", help="The images that failed.")
@click.option("--all", "what", flag_value="all", help="Everything, from the beginning.")
@detach_option
@json_option
@exits.tells_errors
def retry(run_id: str, *, step: str | None, what: str | None, detach: bool, as_json: bool) -> None:
    """Try a run again that has ended or is paused: the step that failed, if nothing else is said.

    What is good stays; with --failed-images the results of the other images stay as they are.
    """
    from biomero.application.retry_run import Retry, retry_run
    from biomero.entrypoints.cli.run import finish

    if step is not None and what is not None:
        raise UsageError(f"--step and --{what} do not go together")
    services, found = find_run(run_id)
    retry_run(found, services, Retry(what or "step"), requested_by=this_user(), step=step)
    if detach:
        _leave(services, found, as_json=as_json)
    with cluster_of(services) as cluster:
        finish(found, services, cluster, as_json=as_json)


@click.command()
@click.argument("run_id", metavar="ID")
@detach_option
@json_option
@exits.tells_errors
def cancel(run_id: str, *, detach: bool, as_json: bool) -> None:
    """End a run and its jobs."""
    from biomero.application.cancel_run import cancel_run
    from biomero.application.request_cancel import request_cancel

    try:
        services, found = find_run(run_id)
        request_cancel(found, services, requested_by=this_user())
    except DatabaseUnavailableError as exc:
        _keep(run_id, exc, as_json=as_json)
    if detach:
        _leave(services, found, as_json=as_json)
    with cluster_of(services) as cluster, TerminalProgress() as progress:
        run = cancel_run(found, services, cluster, progress, requested_by=this_user())
    if as_json:
        exits.print_json(describe_run(services.record, found).to_dict())
    elif run.status is RunStatus.CANCELLED:
        click.echo(f"run {found} is cancelled")
    else:
        click.echo(f"run {found} had ended before: {run.status.value}")
    sys.exit(exits.DONE)


def _keep(run_id: str, error: DatabaseUnavailableError, *, as_json: bool) -> NoReturn:
    """Keep the wish to cancel until the database is back."""
    from biomero.application.kept_wishes import KeptWish, keep_cancel

    keep_cancel(settings_for().state_folder, KeptWish(run=run_id, requested_by=this_user()))
    exits.fail(
        f"{error}; the wish is kept: a worker of this machine, or the next `biomero runs` here, records it "
        "when the database is back",
        kind="DatabaseUnavailableError",
        code=exits.UNREACHABLE,
        as_json=as_json,
    )


def warn_if_nobody_drives(services: Services, run_id: RunId) -> None:
    """Say so where nobody lives who would go on with a run."""
    run = services.record.get(run_id)
    if run.status.is_final or run.status is RunStatus.PAUSED or services.queue.workers():
        return
    click.echo(
        f"no worker is there to drive it. Start one:  biomero worker\n"
        f"or drive this run from here:  biomero runs resume {run_id[:8]}",
        err=True,
    )


def _patiently(follow: Callable[[], object], services: Services) -> None:
    """Follow again and again while the database is away: the run goes on, whoever sees it."""
    began = services.clock.now()
    while True:
        try:
            follow()
        except DatabaseUnavailableError:
            if (services.clock.now() - began).total_seconds() > _PATIENCE_S:
                raise
            services.clock.sleep(_LOOK_S)
        else:
            return


def _leave(services: Services, run_id: RunId, *, as_json: bool) -> NoReturn:
    """Leave what was wished to a worker."""
    if as_json:
        exits.print_json(describe_run(services.record, run_id).to_dict())
    else:
        click.echo(run_id)
        warn_if_nobody_drives(services, run_id)
    sys.exit(exits.DONE)


def _show(services: Services, run_id: RunId, *, as_json: bool) -> NoReturn:
    from biomero.entrypoints.cli.run import show_outcome

    document = describe_run(services.record, run_id)
    show_outcome(document, services, as_json=as_json)
