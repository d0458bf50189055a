"""Which run, task, step and job a line of the log is about.

Whoever works on a run says so once; every line that is logged meanwhile, by whatever library, has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_NOW: ContextVar[Mapping[str, str]] = ContextVar("biomero_log_fields")

NAMES = ("run", "task", "step", "job", "cluster", "channel")
"""What a line may be about; a call of ``logging`` can say it too, by ``extra``.

A task is one of the record's: under that id a job of ours stands in the tables of tasks. Where a step is
about several jobs, their ids are in one field, with commas.
"""


@contextmanager
def log_fields(**fields: str) -> Iterator[None]:
    """Add fields to every line that this thread logs in the block.

    >>> with log_fields(run="1b2c"), log_fields(step="stage"):
    ...     fields_now()
    {'run': '1b2c', 'step': 'stage'}
    """
    token = _NOW.set({**fields_now(), **fields})
    try:
        yield
    finally:
        _NOW.reset(token)


def add_log_fields(**fields: str) -> None:
    """Add fields for the rest of the block, for who learns on the way what it is about.

    Outside of any block it does nothing.

    >>> with log_fields(run="1b2c"):
    ...     add_log_fields(job="42")
    ...     fields_now()
    {'run': '1b2c', 'job': '42'}
    >>> fields_now()
    {}
    """
    now = _NOW.get(None)
    if now is not None:
        _NOW.set({**now, **fields})


def fields_now() -> Mapping[str, str]:
    """Return what this thread is at."""
    return _NOW.get({})
