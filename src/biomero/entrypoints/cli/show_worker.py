"""How workers and their queue are shown to people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.worker_status import LIMITS, WorkerStatus
from biomero.entrypoints.cli.exits import printable

_OWN = "http"


def print_status(status: WorkerStatus) -> None:
    """Print which workers live, and what waits for what."""
    console = Console(highlight=False)
    now = datetime.now(UTC)
    workers = _table("worker", "process", "since", "seen", "steps", "version", "")
    for view in status.workers:
        kind = "" if view.drives_all else "one run"
        words = (view.worker.host.partition("/")[0], str(view.worker.pid), _age(now - view.started_at))
        workers.add_row(
            *map(_text, words), _age(now - view.seen_at), str(view.claims), _text(view.version), kind
        )
    runs = _table("cluster", "state", "step", "runs")
    for (cluster, state, step), count in sorted(
        status.counts.items(), key=lambda item: (item[0][0], item[0][1].value, item[0][2])
    ):
        runs.add_row(_text(cluster), state.value, _text(step), str(count))
    if status.workers:
        console.print(workers)
    else:
        console.print("no worker lives")
    console.print(runs if status.counts else "no run is under way")
    for view in status.workers:
        for topic, text in view.notes.items():
            if topic == LIMITS:
                continue
            colour = "default" if topic == _OWN else "yellow"
            console.print(f"[{colour}]{_text(topic)}[/{colour}]: {_text(text)}", soft_wrap=True)
    if status.oldest is not None and status.oldest.due < now:
        console.print(f"run {status.oldest.run_id} has waited {_age(now - status.oldest.due)} for a worker")
    if status.is_stranded:
        console.print("[red]runs wait, and no worker drives them[/red]: biomero worker", soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _age(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _text(value: str) -> str:
    return escape(printable(value))
