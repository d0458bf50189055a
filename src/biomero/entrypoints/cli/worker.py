"""``biomero worker``: drives everybody's runs; and how it stands with that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from biomero.application.settings import LOG_FORMATS
from biomero.application.worker_status import WorkerStatus, worker_status
from biomero.bootstrap import make_queue, open_tracker, settings_for
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option
from biomero.entrypoints.cli.show_worker import print_status


@click.group(invoke_without_command=True)
@click.option(
    "--http",
    "http_address",
    metavar="HOST:PORT",
    help="Where /metrics, /healthz and /readyz are; port 0 for any, `none` for nowhere.",
)
@click.option("--log-format", type=click.Choice(LOG_FORMATS), help="In the place of what the settings say.")
@config_option
@click.pass_context
@exits.tells_errors
def worker(
    context: click.Context, *, http_address: str | None, log_format: str | None, config: Path | None
) -> None:
    """Drive the runs of everybody who uses this database, until it is told to stop.

    A first SIGTERM or Ctrl-C lets steps come to a safe place, a second one ends it at once. Nothing is lost
    if it is killed: the next worker goes on.
    """
    if context.invoked_subcommand is not None:
        return
    # Prometheus' library and the engine are not for those who only look
    from biomero.entrypoints.worker.serve import serve  # noqa: PLC0415

    serve(config, log_format=log_format, http_address=http_address)


@worker.command()
@json_option
@config_option
@exits.tells_errors
def status(*, config: Path | None, as_json: bool) -> None:
    """Say which workers live, and what waits for what.

    Ends with 1 where runs wait for a worker and none lives.
    """
    tracker = open_tracker(settings_for(config=config))
    found = worker_status(make_queue(tracker))
    tracker.close()
    if as_json:
        exits.print_json(_document(found))
    else:
        print_status(found)
    if found.is_stranded:
        raise SystemExit(exits.RUN_FAILED)


def _document(status: WorkerStatus) -> dict[str, Any]:
    return {
        "workers": [
            {
                "host": view.worker.host.partition("/")[0],
                "pid": view.worker.pid,
                "version": view.version,
                "started_at": view.started_at.isoformat(),
                "seen_at": view.seen_at.isoformat(),
                "steps": view.claims,
                "drives_all": view.drives_all,
                "notes": dict(view.notes),
            }
            for view in status.workers
        ],
        "runs": [
            {"cluster": cluster, "state": state.value, "step": step, "count": count}
            for (cluster, state, step), count in status.counts.items()
        ],
        "barred": dict(status.clusters),
        "oldest_ready": None
        if status.oldest is None
        else {
            "id": status.oldest.run_id,
            "step": status.oldest.step,
            "due": status.oldest.due.isoformat(),
        },
        "is_stranded": status.is_stranded,
    }
