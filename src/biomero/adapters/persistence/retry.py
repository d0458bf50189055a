"""Trying again what the database refused because somebody else was quicker."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import sqlalchemy.exc
from eventsourcing import persistence

from biomero.errors import RecordError

P = ParamSpec("P")
R = TypeVar("R")

_CONFLICTS = (
    persistence.IntegrityError,
    persistence.OperationalError,
    sqlalchemy.exc.IntegrityError,
    sqlalchemy.exc.OperationalError,
)


def retry_on_database_conflict(
    max_retries: int = 10, base_delay: float = 0.1, max_delay: float = 5.0
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that calls a function again when the database was busy, or somebody was quicker.

    The pauses double, with some chance in them so that two who met do not meet again.

    Parameters
    ----------
    max_retries
        How often it is tried again; then the last error comes out.
    base_delay, max_delay
        The first pause, and the longest, in seconds.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            for attempt in range(max_retries):
                try:
                    return function(*args, **kwargs)
                except _CONFLICTS:
                    pass
                except RecordError as exc:
                    if not exc.transient:
                        raise
                pause = min(max_delay, base_delay * 2**attempt)
                time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            return function(*args, **kwargs)

        return wrapped

    return decorate
