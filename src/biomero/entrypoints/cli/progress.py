"""Showing a run's progress in a terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from biomero.application.ports.progress import RunUpdate
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.cli.exits import printable

_MEGA = 1_000_000


class TerminalProgress:
    """Shows a bar for the current step on standard error; see `ProgressListener`.

    Where standard error is no terminal, each new step is one line.
    """

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._is_terminal = console.is_terminal
        self._last: RunStatus | None = None
        self._said = ""
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}"),
            console=console,
            disable=not self._is_terminal,
        )
        self._bar = self._progress.add_task("submitted", total=None, count="", message="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def pause(self) -> None:
        """Stop drawing, so that a question can be asked."""
        self._progress.stop()

    def show(self, update: RunUpdate) -> None:
        """See `ProgressListener.show`."""
        if not self._is_terminal:
            is_news = update.status is not self._last or (
                update.unit == "tasks" and update.message != self._said
            )
            if is_news:  # a job's state, reason and place in the queue are worth a line; megabytes are not
                click.echo(f"{update.status.value} {printable(update.message)}".rstrip(), err=True)
            self._last, self._said = update.status, update.message
            return
        if update.status is not self._last:
            self._progress.reset(self._bar)
        self._last = update.status
        self._progress.update(
            self._bar,
            description=update.status.value,
            completed=update.done,
            total=update.total,
            count=_count(update),
            message=escape(printable(update.message)),
        )


def _count(update: RunUpdate) -> str:
    if update.total is None:
        return ""
    if update.unit == "bytes":
        return f"{update.done / _MEGA:.0f}/{update.total / _MEGA:.0f} MB"
    return f"{update.done}/{update.total} {update.unit}"
