"""Whose turn it is: who has fewest at work comes first, then who has waited longest. Pure; no SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from biomero.application.ports.run_queue import Limits, Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Runs that are due and equal in what is counted.

    Parameters
    ----------
    has_wish
        Somebody wants them to end or to stop: no limit holds them up.
    since
        Since when the first of them is due.
    crashes
        How many workers died over each of them, if that makes them suspects; 0 else.
    is_conversion
        They are at the step that submits a conversion.
    """

    pool: Pool
    cluster: str
    requester: str
    has_wish: bool
    count: int
    since: float
    crashes: int = 0
    is_conversion: bool = False


@dataclass(slots=True)
class Busy:
    """What is at work, counted in all the ways that limits and fairness ask for."""

    pools: Counter[Pool] = field(default_factory=Counter)
    pools_of: Counter[tuple[Pool, str]] = field(default_factory=Counter)
    jobs: Counter[str] = field(default_factory=Counter)
    jobs_of: Counter[tuple[str, str]] = field(default_factory=Counter)
    requesters: Counter[str] = field(default_factory=Counter)
    conversions: Counter[str] = field(default_factory=Counter)

    def add_claims(
        self, pool: Pool, cluster: str, requester: str, count: int, *, is_conversion: bool = False
    ) -> None:
        """Count claims; one that submits may come to have a job."""
        self.pools[pool] += count
        self.pools_of[pool, requester] += count
        if pool is Pool.SUBMIT:
            self.add_jobs(cluster, requester, count, is_conversion=is_conversion)
        else:
            self.requesters[requester] += count

    def add_jobs(self, cluster: str, requester: str, count: int, *, is_conversion: bool = False) -> None:
        """Count runs whose jobs are at a cluster."""
        if is_conversion:
            self.conversions[cluster] += count
        self.jobs[cluster] += count
        self.jobs_of[cluster, requester] += count
        self.requesters[requester] += count

    def has_room(self, group: Group, limits: Limits) -> bool:
        """Say whether one more of a group is within all limits.

        The last place of a pool is for somebody who has none there: one who comes while others' long steps
        have all places would wait for these.
        """
        if group.has_wish:
            return True
        limit = limits.pools.get(group.pool)
        own = None if limit is None else max(1, limit - 1)
        room = [
            _below(self.pools[group.pool], limit),
            _below(self.pools_of[group.pool, group.requester], own),
        ]
        if group.pool is Pool.SUBMIT:
            room += [
                _below(self.jobs[group.cluster], limits.runs_per_cluster.get(group.cluster)),
                _below(self.jobs_of[group.cluster, group.requester], limits.runs_per_requester),
            ]
            if group.is_conversion:
                room.append(_below(self.conversions[group.cluster], limits.conversions))
        return all(room)


def share(
    groups: Sequence[Group], busy: Busy, limits: Limits, most: int, *, has_suspect: bool = False
) -> dict[Group, int]:
    """Return how many of each group are given out, wishes first; `busy` counts them too afterwards.

    Parameters
    ----------
    has_suspect
        Who asks has a suspect in hand, and is given no other one.
    """
    given: Counter[Group] = Counter()
    for _ in range(most):
        rooms = [g for g in groups if given[g] < g.count and busy.has_room(g, limits)]
        open_ones = [g for g in rooms if not g.crashes] + ([] if has_suspect else _next_suspects(rooms))
        if not open_ones:
            break
        chosen = min(open_ones, key=lambda g: (not g.has_wish, busy.requesters[g.requester], g.since))
        has_suspect = has_suspect or chosen.crashes > 0
        given[chosen] += 1
        busy.add_claims(chosen.pool, chosen.cluster, chosen.requester, 1, is_conversion=chosen.is_conversion)
    return dict(given)


def _next_suspects(groups: Sequence[Group]) -> list[Group]:
    """Return the suspects whose turn it is among suspects: those over which fewest workers died.

    One that did no harm comes again only when all others, among them what killed its worker, had their turn.
    """
    suspects = [g for g in groups if g.crashes]
    turn = min(((not g.has_wish, g.crashes) for g in suspects), default=None)
    return [g for g in suspects if (not g.has_wish, g.crashes) == turn]


def _below(count: int, limit: int | None) -> bool:
    return limit is None or count < limit
