"""The claims that this process believes to hold, beside those that the database says it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from biomero.application.ports.run_queue import Claim, WorkerId
from biomero.errors import LeaseLostError

Held = tuple[str, int]
"""The id of a run, and the token of a claim."""


class Holdings:
    """What was given out to workers of this process; safe between threads."""

    def __init__(self) -> None:
        self._held: dict[Held, str] = {}
        self._moving: set[Held] = set()
        self._lock = Lock()

    def take(self, worker: WorkerId, claims: list[Claim]) -> None:
        """Note claims that were given out."""
        with self._lock:
            self._held.update({(c.run_id, c.token): str(worker) for c in claims})

    def of(self, worker: WorkerId) -> frozenset[Held]:
        """Return what a worker holds, what it is giving back at this moment included."""
        with self._lock:
            return frozenset(held for held, owner in self._held.items() if owner == str(worker))

    def gone(self, before: frozenset[Held], found: frozenset[Held]) -> frozenset[Held]:
        """Drop what the database no longer has, and return it; what is being given back is left out.

        Parameters
        ----------
        before
            What was held before the database was asked.
        """
        with self._lock:
            lost = frozenset(h for h in before - found if h in self._held and h not in self._moving)
            for held in lost:
                del self._held[held]
            return lost

    def forget(self, worker: WorkerId) -> None:
        """Drop all that a worker holds."""
        with self._lock:
            self._held = {held: owner for held, owner in self._held.items() if owner != str(worker)}

    @contextmanager
    def moving(self, claim: Claim) -> Iterator[None]:
        """Give a claim back within the block; it is kept if the block fails otherwise than by losing it."""
        key = (claim.run_id, claim.token)
        with self._lock:
            self._moving.add(key)
        try:
            yield
        except LeaseLostError:
            self._drop(key)
            raise
        except BaseException:
            with self._lock:
                self._moving.discard(key)
            raise
        self._drop(key)

    def _drop(self, key: Held) -> None:
        with self._lock:
            self._held.pop(key, None)
            self._moving.discard(key)
