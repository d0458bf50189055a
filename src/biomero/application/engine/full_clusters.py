"""Clusters that take no more jobs for now: nobody but one run tries, until one is taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from biomero.application.ports.run_queue import Claim, Limits, Move, Pool, TryAgain, WaitForJob

_TOLD_FOR = 3
"""For how many pauses after the last refusal a cluster is called full: nobody may have tried since."""


@dataclass(slots=True, kw_only=True)
class FullClusters:
    """Remembers which clusters are full; safe between threads.

    Without it each of ten thousand runs would be refused again and again, and commands that get results home
    would wait behind theirs.

    Parameters
    ----------
    pause_s
        How long nobody tries after a refusal; then one run does.
    count
        Returns how many runs have jobs at a cluster.
    clock
        Seconds that only go forward.
    """

    pause_s: float
    count: Callable[[str], int]
    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)
    _words: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, claim: Claim, move: Move, why: str = "") -> None:
        """Learn from what became of a step, and why, where it was not possible yet."""
        if claim.pool is not Pool.SUBMIT:
            return
        with self._lock:
            if isinstance(move, TryAgain) and not move.counts:
                self._until[claim.cluster] = self.clock() + self.pause_s
                self._words[claim.cluster] = why
            elif isinstance(move, WaitForJob):
                self._until.pop(claim.cluster, None)

    def told(self) -> Mapping[str, str]:
        """Return what people are told of clusters that are full, by their names."""
        lately = self.clock() - _TOLD_FOR * self.pause_s
        with self._lock:
            full = {name: self._words[name] for name, until in self._until.items() if until > lately}
        return {name: f"{why}; tried again every {self.pause_s:.0f} s" for name, why in full.items() if why}

    def within(self, limits: Limits, at_work: list[Claim]) -> Limits:
        """Return limits that leave full clusters alone, but for one run when the pause is over."""
        with self._lock:
            until = dict(self._until)
        if not until:
            return limits
        lower = dict(limits.runs_per_cluster)
        for cluster, moment in until.items():
            room = 0
            if self.clock() >= moment:
                trying = sum(c.cluster == cluster and c.pool is Pool.SUBMIT for c in at_work)
                room = 0 if trying else self.count(cluster) + 1
            lower[cluster] = min(room, lower.get(cluster, room))
        return replace(limits, runs_per_cluster=lower)
