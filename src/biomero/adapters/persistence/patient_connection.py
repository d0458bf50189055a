"""A connection to PostgreSQL that does not wait for ever.

The server's own time limits are of no use while it, or the way to it, is frozen: the driver would wait on.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

ANSWER_WITHIN_S = 120.0
"""Longer than any statement of ours takes; the server gives up waiting for locks well before."""


class PatientConnection(psycopg.Connection[Any]):
    """Closes itself, with an error, where the server has not answered a statement in time."""

    answer_within_s = ANSWER_WITHIN_S

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the driver's own
        """See psycopg; asked several times a second whether it still wants to wait."""
        return super().wait(self._answered(gen), *args, **kwargs)

    def _answered(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        deadline = time.monotonic() + self.answer_within_s
        ready = None
        while True:
            try:
                wanted = gen.send(ready)
            except StopIteration as end:
                return end.value
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                self.pgconn.finish()
                raise psycopg.OperationalError(f"no answer within {self.answer_within_s:.0f} s")
