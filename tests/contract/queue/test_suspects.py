"""Steps that kill their workers, and runs that were only beside them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import pytest

from biomero.adapters.system import this_worker
from biomero.application.ports.run_queue import (
    SUSPECT_CRASHES,
    Claim,
    End,
    GoOn,
    Limits,
    Park,
    Pool,
    QueueState,
    RunQueue,
    TryAgain,
    Wish,
    WorkerId,
)
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from services.queues import OpenQueue, a_worker

PATIENCE = 5
"""After so many crashes a run is paused."""


@pytest.fixture
def mortals() -> Iterator[WorkerId]:
    """Return workers of this machine that are gone as soon as somebody else asks."""
    here = this_worker()
    return (WorkerId(host=here.host, pid=here.pid, started=here.started - n) for n in itertools.count(1))


def died_over(
    queue: RunQueue, mortals: Iterator[WorkerId], times: int, only: list[RunId] | None = None
) -> None:
    """Let workers take runs, and die."""
    for _ in range(times):
        queue.claim(next(mortals), Limits(), only=only)
    queue.claim(a_worker(), Limits(), only=[])


def suspects(claims: list[Claim]) -> list[RunId]:
    return [claim.run_id for claim in claims if claim.crashes >= SUSPECT_CRASHES]


def test_a_worker_has_one_suspect_in_hand_and_all_the_others(
    world: OpenQueue, queue: RunQueue, mortals: Iterator[WorkerId]
) -> None:
    first, second, third = odd = [world.added() for _ in range(3)]
    died_over(queue, mortals, SUSPECT_CRASHES)
    others = [world.added(pool=Pool.FETCH) for _ in range(3)]
    worker = a_worker()
    claims = queue.claim(worker, Limits())
    assert suspects(claims) == [first]
    assert sorted(c.run_id for c in claims) == sorted([first, *others])
    assert queue.claim(worker, Limits()) == []
    assert suspects(queue.claim(a_worker(), Limits())) == [second]  # one for each
    queue.move(claims[0], TryAgain(after_s=60))
    assert suspects(queue.claim(worker, Limits())) == [third]
    assert {world.state(run_id) for run_id in odd[1:]} == {QueueState.CLAIMED}


def test_a_suspect_that_records_something_is_none_any_more(
    world: OpenQueue, queue: RunQueue, mortals: Iterator[WorkerId]
) -> None:
    first, second = world.added(), world.added()
    died_over(queue, mortals, SUSPECT_CRASHES)
    worker = a_worker()
    (claim,) = queue.claim(worker, Limits())
    assert claim.run_id == first
    queue.change(claim, lambda _: None)
    assert queue.claim(worker, Limits()) == []
    queue.change(claim, lambda run: run.advance(RunStatus.STAGING))
    assert suspects(queue.claim(worker, Limits())) == [second]


@pytest.mark.parametrize("how", ["goes on", "fails", "is refused", "is put off"])
def test_whatever_a_step_says_of_its_run_clears_it(
    world: OpenQueue, queue: RunQueue, mortals: Iterator[WorkerId], how: str
) -> None:
    world.added()
    died_over(queue, mortals, SUSPECT_CRASHES)
    worker = a_worker()
    (claim,) = queue.claim(worker, Limits())
    assert claim.crashes == SUSPECT_CRASHES
    if how == "goes on":
        queue.move(claim, GoOn(step="convert", pool=Pool.SUBMIT))
    elif how == "is put off":
        queue.put_off(claim, after_s=0)
    else:
        queue.move(claim, TryAgain(after_s=0, counts=how == "fails"))
    (claim,) = queue.claim(worker, Limits())
    assert claim.crashes == 0


def test_a_suspect_is_cancelled_or_paused_at_once(
    world: OpenQueue, queue: RunQueue, mortals: Iterator[WorkerId]
) -> None:
    for _ in range(3):
        world.added()
    died_over(queue, mortals, SUSPECT_CRASHES)
    worker = a_worker()
    (first,) = queue.claim(worker, Limits())
    _, cancelled, paused = (view.run_id for view in queue.view())
    queue.request(cancelled, Wish.CANCEL, lambda run: run.request_cancel("ada"))
    queue.request(paused, Wish.PAUSE, lambda run: run.request_pause("ada"))
    assert {c.run_id for c in queue.claim(worker, Limits())} == {cancelled, paused}
    assert first.run_id not in {cancelled, paused}


def test_suspects_take_turns_with_each_other_and_with_others(
    world: OpenQueue, queue: RunQueue, mortals: Iterator[WorkerId]
) -> None:
    ada, bob = world.added(requester="ada"), world.added(requester="bob")
    died_over(queue, mortals, SUSPECT_CRASHES)
    eve = world.added(requester="eve")
    # of those who have nothing at work, who has waited longest comes first, suspect or not
    assert [c.run_id for c in queue.claim(next(mortals), Limits(), most=1)] == [ada]
    tried = [suspects(queue.claim(next(mortals), Limits())) for _ in range(4)]
    assert tried == [[bob], [ada], [eve], [bob]]  # after two deaths beside others she is one, too


def test_runs_beside_one_that_kills_its_workers_are_never_blamed_for_it(
    world: OpenQueue, mortals: Iterator[WorkerId]
) -> None:
    poison = {world.added(requester="ada")}
    beside = {world.added(requester=who) for who in ("ada", "bob") for _ in range(4)}
    _play(world, mortals, poison, beside, Limits())


def test_runs_beside_many_that_kill_their_workers_are_never_blamed_for_it(
    world: OpenQueue, mortals: Iterator[WorkerId]
) -> None:
    """All images of somebody kill the process that reads them; these come between those of others."""
    poison: set[RunId] = set()
    beside: set[RunId] = set()
    for _ in range(4):
        beside.add(world.added(requester="ada"))
        poison |= {world.added(requester="ada") for _ in range(2)}
        poison.add(world.added(requester="bob", pool=Pool.FETCH))
        beside.add(world.added(requester="eve", pool=Pool.FETCH))
    _play(world, mortals, poison, beside, Limits(pools={Pool.STAGE: 4, Pool.FETCH: 4}))


def _play(
    world: OpenQueue, mortals: Iterator[WorkerId], poison: set[RunId], beside: set[RunId], limits: Limits
) -> None:
    """Let workers die of poison, until it is paused and all others have ended."""
    queue = world.queue
    worker, held = next(mortals), dict[RunId, Claim]()
    most = Counter[RunId]()
    for _ in range(20 * (len(poison) + len(beside))):
        for claim in queue.claim(worker, limits):
            most[claim.run_id] = max(most[claim.run_id], claim.crashes)
            if claim.crashes >= PATIENCE:
                queue.move(claim, Park(), lambda run: run.pause({"message": "it kills"}))
            else:
                held[claim.run_id] = claim
        if poison & held.keys():
            worker, held = next(mortals), {}
        elif held:  # a long step ends
            claim = held.pop(min(held, key=lambda run_id: (-most[run_id], run_id)))
            queue.move(claim, End(), lambda run: run.complete())
        elif all(v.state in {QueueState.ENDED, QueueState.PAUSED} for v in queue.view()):
            break
    states = {view.run_id: view.state for view in queue.view()}
    assert {run_id for run_id, state in states.items() if state is QueueState.PAUSED} == poison
    assert {run_id for run_id, state in states.items() if state is QueueState.ENDED} == beside
    assert max(most[run_id] for run_id in beside) < PATIENCE
