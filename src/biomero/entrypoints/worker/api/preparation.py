"""Having clusters ready for runs: it takes long, goes on whoever asks, and is done once at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from biomero.application.prepare_cluster import Outcome, PreparedItem, PrepareListener, PrepareUpdate
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)

Prepare = Callable[[PrepareListener], Sequence[PreparedItem]]
"""Makes all clusters ready."""


@dataclass(slots=True)
class Preparation:
    """The one that is under way, or how the last one went."""

    prepare: Prepare
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None
    _message: str = ""
    _items: Sequence[PreparedItem] = ()
    _error: str = ""

    def begin(self) -> None:
        """Begin, unless one is under way."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            self._message, self._items, self._error = "it begins", (), ""
            self._thread = threading.Thread(target=self._work, name="preparation", daemon=True)
            self._thread.start()

    def document(self) -> dict[str, Any]:
        """Return how it stands, as JSON has it."""
        thread = self._thread
        return {
            "is_running": thread is not None and thread.is_alive(),
            "message": self._message,
            "error": self._error,
            "items": [
                {
                    "kind": item.kind,
                    "name": item.name,
                    "outcome": item.outcome.value,
                    "is_well": item.outcome is not Outcome.FAILED,
                    "detail": item.detail,
                }
                for item in self._items
            ],
        }

    def _work(self) -> None:
        try:
            self._items = self.prepare(self._show)
        except BiomeroError as exc:
            self._error = str(exc)
        except Exception:  # noqa: BLE001 - the outermost place of this thread
            _LOG.exception("preparing clusters met a bug")
            self._error = "the engine met a bug; the worker's log says more"

    def _show(self, update: PrepareUpdate) -> None:
        self._message = f"{update.kind} {update.name} ({update.number} of {update.total}): {update.message}"
