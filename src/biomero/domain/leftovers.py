"""What runs leave on a cluster, and which of it may go."""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from biomero.domain.ids import RunId

_RUN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# By a hash of what it holds, as nothing else is called: a folder `cache` may also be somebody's own
_CACHED = re.compile(r"[0-9a-f]{64}")


class Place(enum.Enum):
    """The only folders below the data folder that anything is removed from."""

    RUNS = "runs"
    CACHE = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """A folder on the cluster.

    Parameters
    ----------
    changed
        When something in it changed last.
    is_half_gone
        Its removal began and did not end.
    """

    place: Place
    name: str
    changed: datetime
    size: int
    is_half_gone: bool = False

    @property
    def run_id(self) -> RunId | None:
        """The run whose folder it is; ``None`` for what is not a run's."""
        is_run = self.place is Place.RUNS and _RUN.fullmatch(self.name)
        return RunId(self.name) if is_run else None

    @property
    def is_ours(self) -> bool:
        """The name is one that BIOMERO gives there; whatever else lies there is somebody's."""
        return self.run_id is not None or (
            self.place is Place.CACHE and _CACHED.fullmatch(self.name) is not None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningRule:
    """What is old enough or large enough to go; both must hold where both are given.

    Parameters
    ----------
    older_than
        Nothing in it changed for so long.
    larger_than
        It takes more bytes than that.
    """

    older_than: timedelta | None = None
    larger_than: int | None = None

    def chosen(self, leftovers: Sequence[Leftover], *, now: datetime) -> list[Leftover]:
        """Return what the rule chooses, oldest first; a rule that says nothing chooses nothing."""
        if self.older_than is None and self.larger_than is None:
            return []
        found = [
            leftover
            for leftover in leftovers
            if leftover.is_ours and (leftover.is_half_gone or self._holds(leftover, now))
        ]
        return sorted(found, key=lambda leftover: leftover.changed)

    def _holds(self, leftover: Leftover, now: datetime) -> bool:
        is_old = self.older_than is None or now - leftover.changed > self.older_than
        return is_old and (self.larger_than is None or leftover.size > self.larger_than)
