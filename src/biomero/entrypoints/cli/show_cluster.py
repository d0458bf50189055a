"""A cluster as people read about it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from biomero.application.clean_cluster import Cleaning
from biomero.application.cluster_status import ClusterStatus, UsedSpace
from biomero.application.ports.scheduler import OwnJob
from biomero.application.prepare_cluster import Outcome, PreparedItem
from biomero.domain.leftovers import Leftover
from biomero.entrypoints.cli.exits import printable

_COLOURS = {Outcome.MADE: "green", Outcome.PRESENT: "cyan", Outcome.FAILED: "red"}
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000


class ItemProgress:
    """Shows what is being prepared on standard error, on one line of a terminal.

    Where standard error is no terminal, each item is one line.
    """

    def __init__(self, *, is_silent: bool) -> None:
        console = Console(stderr=True)
        self._is_terminal = console.is_terminal and not is_silent
        self._status = Status("", console=console)
        self._last = ""

    def __enter__(self) -> Self:
        if self._is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._status.stop()

    def show(self, item: str, message: str, *, number: int, total: int) -> None:
        """Show what goes on with an item."""
        words = f"{item} ({number} of {total})" if total > 1 else item
        if self._is_terminal:
            self._status.update(escape(printable(f"{words}  {message}".rstrip())))
        elif words != self._last:
            click.echo(printable(words), err=True)
        self._last = words


def print_prepared(items: Sequence[PreparedItem]) -> None:
    """Print what was prepared, and what could not be."""
    console = Console(highlight=False)
    table = _table("what", "name", "outcome", "where, or why not")
    for item in items:
        colour = _COLOURS[item.outcome]
        table.add_row(
            item.kind, _text(item.name), f"[{colour}]{item.outcome.value}[/{colour}]", _text(item.detail)
        )
    console.print(table)
    made = sum(item.outcome is Outcome.MADE for item in items)
    failed = sum(item.outcome is Outcome.FAILED for item in items)
    if failed:
        console.print(f"[red]{failed} of {len(items)} cannot be had[/red]; the others are ready")
    elif made:
        console.print(f"{made} made; everything is ready")
    else:
        console.print("nothing to do: everything was there")


def print_status(status: ClusterStatus) -> None:
    """Print what goes on at a cluster."""
    console = Console(highlight=False)
    console.print(f"[bold]{_text(status.name)}[/bold]")
    if status.partitions:
        table = _table("partition", "state", "nodes")
        for partition in status.partitions:
            star = " (default)" if partition.is_default else ""
            states = ", ".join(f"{count} {state}" for state, count in partition.nodes.items())
            up = "up" if partition.is_up else "[red]down[/red]"
            table.add_row(_text(partition.name + star), up, _text(states or "none"))
        console.print(table)
    if status.jobs:
        table = _table("job", "name", "state", "partition", "runs for", "reason")
        for job in status.jobs:
            table.add_row(
                _job_id(job),
                _text(job.name),
                job.state.text,
                _text(job.partition),
                "" if job.elapsed_s is None else _duration(job.elapsed_s),
                _text(job.reason),
            )
        console.print(table)
    else:
        console.print("no jobs of this account wait or run")
    table = _table("space", "entries", "used", "free", "where")
    for space in status.space:
        table.add_row(space.name, *_sizes(space), _text(space.path))
    console.print(table)


def print_cleaning(cleaning: Cleaning, *, is_removed: bool) -> None:
    """Print what goes and what stays."""
    console = Console(highlight=False)
    if cleaning.going:
        table = _table("removed" if is_removed else "would go", "size", "changed last")
        for leftover in cleaning.going:
            table.add_row(
                _path(leftover), _size(leftover.size), leftover.changed.astimezone().strftime("%F %H:%M")
            )
        console.print(table)
    for kept in cleaning.kept:
        console.print(f"[yellow]stays[/yellow]  {_path(kept.leftover)}: {_text(kept.reason)}", soft_wrap=True)
    if not cleaning.going:
        console.print("nothing is to go")
    elif is_removed:
        console.print(f"{len(cleaning.going)} removed, {_size(cleaning.size)}")
    else:
        console.print(f"{len(cleaning.going)} would go, {_size(cleaning.size)}; remove them with --yes")


def cleaning_to_json(cleaning: Cleaning, *, cluster: str, is_removed: bool) -> dict[str, object]:
    """Return the document of a cleaning."""
    return {
        "cluster": cluster,
        "removed": is_removed,
        "bytes": cleaning.size,
        "going": [_leftover(leftover) for leftover in cleaning.going],
        "kept": [{**_leftover(kept.leftover), "reason": kept.reason} for kept in cleaning.kept],
    }


def _leftover(leftover: Leftover) -> dict[str, object]:
    return {
        "place": leftover.place.value,
        "name": leftover.name,
        "bytes": leftover.size,
        "changed": leftover.changed.isoformat(),
    }


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, no_wrap=index == 0, overflow="fold")
    return table


def _text(value: str) -> str:
    return escape(printable(value))


def _path(leftover: Leftover) -> str:
    return _text(f"{leftover.place.value}/{leftover.name}")


def _job_id(job: OwnJob) -> str:
    if job.indices is None:
        return str(job.job_id)
    first, last = job.indices[0], job.indices[-1]
    return escape(f"{job.job_id}_{first}" if first == last else f"{job.job_id}_[{first}-{last}]")


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _sizes(space: UsedSpace) -> tuple[str, str, str]:
    if space.used_bytes is None:
        return "", "not known", ""
    free = "" if space.free_bytes is None else _size(space.free_bytes)
    return str(space.entries), _size(space.used_bytes), free


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < _THOUSAND or unit == _UNITS[-1]:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= _THOUSAND
    raise AssertionError("unreachable: the last unit takes all")
