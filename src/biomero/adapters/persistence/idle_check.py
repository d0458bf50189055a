"""Connections that may be cut are looked at before they are used."""

from __future__ import annotations

import math
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import Pool

_TRUSTED_S = 1.0
_RETURNED = "returned_at"


class IdleCheck:
    """Looks whether a connection still stands, unless it did a moment ago: looking costs half a write."""

    def __init__(self, pool: Pool) -> None:
        self._lost_at = -math.inf
        event.listen(pool, "checkin", self._note_time)
        event.listen(pool, "invalidate", self._note_loss)
        event.listen(pool, "checkout", self._check)

    def _note_time(self, _connection: object, record: Any) -> None:  # noqa: ANN401 - the pool's own
        record.info[_RETURNED] = time.monotonic()

    def _note_loss(self, *_: object) -> None:
        self._lost_at = time.monotonic()

    def _check(self, connection: Any, record: Any, _proxy: object) -> None:  # noqa: ANN401 - the pool's own
        # one that was made just now is not asked: the pool gives up, in words of its own, if it is cut, too
        returned_at = record.info.get(_RETURNED, math.inf)
        # where one was cut, others often were as well
        if returned_at > max(time.monotonic() - _TRUSTED_S, self._lost_at):
            return
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except connection.OperationalError as exc:
            raise DisconnectionError from exc  # the pool makes a new one
