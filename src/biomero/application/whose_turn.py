"""Which limit keeps a run that is due from being given out, in words.

The queue gives runs out by these limits (see `Limits`); here they are only told, by what is at work at the
moment of the question. Workers say of themselves which limits they have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from biomero.application.engine import names
from biomero.application.engine.place import POOLS
from biomero.application.ports.run_queue import AtWork, Limits, Pool, QueueView

_WORDS = {
    Pool.STAGE: ("read and sent", "max_exports"),
    Pool.SUBMIT: ("handed to schedulers", "max_submits"),
    Pool.FETCH: ("judged and fetched", "max_fetches"),
    Pool.DELIVER: ("delivered", "max_deliveries"),
}
_BEING = ("is being", "are being")
_HAVING = ("has", "have")


def limits_to_text(limits: Limits) -> str:
    """Return limits as a worker notes them."""
    return json.dumps(
        {
            "pools": {pool.value: count for pool, count in limits.pools.items()},
            "runs_per_cluster": dict(limits.runs_per_cluster),
            "runs_per_requester": limits.runs_per_requester,
            "conversions": limits.conversions,
        }
    )


def limits_from_text(text: str) -> Limits | None:
    """Read what a worker noted; ``None`` where that is not understood, as of another release."""
    try:
        stored = json.loads(text)
        return Limits(
            pools={Pool(name): int(count) for name, count in stored["pools"].items()},
            runs_per_cluster={str(name): int(count) for name, count in stored["runs_per_cluster"].items()},
            runs_per_requester=stored["runs_per_requester"],
            conversions=stored.get("conversions"),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def reached_limit(place: QueueView, at_work: Sequence[AtWork], limits: Limits) -> str | None:
    """Say which limit a run waits for that is due; ``None`` where there is room for it."""
    pool = POOLS.get(place.step)
    if pool is None:
        return None
    return _reached_in_pool(place, pool, at_work, limits) or (
        _reached_at_cluster(place, at_work, limits) if pool is Pool.SUBMIT else None
    )


def _reached_in_pool(place: QueueView, pool: Pool, at_work: Sequence[AtWork], limits: Limits) -> str | None:
    most = limits.pools.get(pool)
    if most is None:
        return None
    there = sum(one.count for one in at_work if one.pool is pool)
    own = sum(one.count for one in at_work if one.pool is pool and one.requester == place.requester)
    doing, key = _WORDS[pool]
    if there >= most:
        return f"waits for its turn: {_runs(there, *_BEING)} {doing} ({key} = {most})"
    if own >= max(1, most - 1):
        whose = f"{_runs(own, *_BEING)} {doing} for {place.requester}"
        return f"waits for its turn: {whose}, and the last place is for others ({key} = {most})"
    return None


def _reached_at_cluster(place: QueueView, at_work: Sequence[AtWork], limits: Limits) -> str | None:
    """See the limits on runs with jobs; one that is handed over at this moment counts as well."""
    here = [one for one in at_work if one.cluster == place.cluster and one.pool in {None, Pool.SUBMIT}]
    there = sum(one.count for one in here)
    own = sum(one.count for one in here if one.requester == place.requester)
    most = limits.runs_per_cluster.get(place.cluster)
    if most is not None and there >= most:
        return f"waits for its turn: {_runs(there, *_HAVING)} jobs at {place.cluster} (max_runs = {most})"
    converted = sum(one.count for one in here if one.is_conversion)
    most = limits.conversions if place.step == names.CONVERT else None
    if most is not None and converted >= most:
        being = f"{_runs(converted, *_BEING)} converted at {place.cluster}"
        return f"waits for its turn: {being} (max_conversions = {most})"
    each = limits.runs_per_requester
    if each is not None and own >= each:
        who = f"{_runs(own, *_HAVING)} jobs at {place.cluster} for {place.requester}"
        return f"waits for its turn: {who} (max_runs_per_user = {each})"
    return None


def _runs(count: int, one: str, many: str) -> str:
    return f"{count} run {one}" if count == 1 else f"{count} runs {many}"
