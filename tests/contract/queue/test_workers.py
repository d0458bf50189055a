"""Workers: who lives, who is dead, who leads, and what becomes of their claims."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.system import is_gone, this_worker
from biomero.application.engine import names
from biomero.application.ports.run_queue import (
    Claim,
    GoOn,
    Limits,
    Park,
    Pool,
    QueueState,
    RunQueue,
    WaitForJob,
    WorkerId,
)
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.errors import LeaseLostError
from contract.queue.conftest import Opener
from services.processes import wait_until
from services.queues import OpenQueue, a_worker, ended, job_of, new_run

SHORT_S = 1.5


def gone() -> WorkerId:
    """Return a worker of this machine whose process has ended: its number was given out again."""
    here = this_worker()
    return WorkerId(host=here.host, pid=here.pid, started=here.started - 1)


def taken_over(world: OpenQueue, worker: WorkerId, only: list[RunId] | None = None) -> Claim:
    """Wait until a worker is given what another one had."""
    given: list[Claim] = []

    def is_given() -> bool:
        given.extend(world.queue.claim(worker, Limits(), only=only))
        return bool(given)

    wait_until(is_given, "the run of a dead worker is taken over")
    return given[0]


def test_a_worker_on_another_machine_is_dead_when_its_lease_has_run_out(opened: Opener) -> None:
    here, there = opened(SHORT_S), opened(SHORT_S)
    frozen, other = a_worker(), a_worker("another")
    claim = there.claimed(frozen)
    assert here.queue.claim(other, Limits()) == []
    newer = taken_over(here, other)
    assert (newer.run_id, newer.step, newer.token) == (claim.run_id, claim.step, claim.token + 1)

    with pytest.raises(LeaseLostError):
        there.queue.change(claim, lambda run: run.advance(RunStatus.STAGING))
    with pytest.raises(LeaseLostError):
        there.queue.move(claim, GoOn(step="x", pool=Pool.FETCH), lambda run: run.complete())
    assert there.run(claim.run_id).status is RunStatus.SUBMITTED
    assert here.place(claim.run_id).owner == str(other)
    here.queue.move(newer, GoOn(step="x", pool=Pool.FETCH))


def test_a_pulse_extends_all_leases_and_tells_what_was_lost(opened: Opener) -> None:
    here, there = opened(SHORT_S), opened(SHORT_S)
    worker, other = a_worker(), a_worker("another")
    kept, lost = there.claimed(worker), there.claimed(worker)
    assert there.queue.pulse(worker).lost == frozenset()
    taken_over(here, other, only=[lost.run_id])
    # the other run is free as well, until somebody takes it
    assert there.queue.pulse(worker).lost == {lost.run_id, kept.run_id}
    assert there.queue.pulse(worker).lost == frozenset()


@pytest.mark.slow
def test_a_living_worker_keeps_its_claims_for_many_leases(opened: Opener) -> None:
    here, there = opened(SHORT_S), opened(SHORT_S)
    worker = a_worker()
    claim = there.claimed(worker)
    beats = 0

    def beat() -> bool:
        nonlocal beats
        assert there.queue.pulse(worker).lost == frozenset()
        assert here.queue.claim(a_worker(), Limits()) == []
        beats += 1
        return beats > SHORT_S * 3 / 0.05

    wait_until(beat, "three leases are over")
    there.queue.change(claim, lambda run: run.advance(RunStatus.STAGING))


def test_a_worker_that_was_away_past_its_lease_keeps_what_nobody_took(opened: Opener) -> None:
    here, there = opened(SHORT_S), opened(SHORT_S)
    worker = a_worker()
    claim = there.claimed(worker)
    wait_until(lambda: here.queue.workers() == [], "its lease runs out")
    assert there.queue.claim(worker, Limits()) == []
    assert there.queue.pulse(worker).lost == frozenset()
    there.queue.change(claim, lambda run: run.advance(RunStatus.STAGING))


def test_a_worker_that_has_ended_on_this_machine_is_dead_at_once(world: OpenQueue, queue: RunQueue) -> None:
    dead = gone()
    queue.enter(dead, version="1", drives_all=True)
    claim = world.claimed(dead)
    assert queue.lead("watch lisa", dead)
    assert queue.workers() == []
    (newer,) = queue.claim(this_worker(), Limits())
    assert (newer.run_id, newer.token) == (claim.run_id, claim.token + 1)
    assert queue.lead("watch lisa", this_worker())


def test_what_a_worker_never_heard_that_it_was_given_is_given_to_it_again(opened: Opener) -> None:
    world = opened()
    worker = a_worker()
    claim = world.claimed(worker)
    again = opened()  # knows of nothing that was given out, as after an answer that never came
    (newer,) = again.queue.claim(worker, Limits())
    assert (newer.run_id, newer.token) == (claim.run_id, claim.token + 1)
    assert again.queue.claim(worker, Limits()) == []


def test_leaving_gives_back_all_claims_and_what_one_leads(world: OpenQueue, queue: RunQueue) -> None:
    worker, other = a_worker(), a_worker()
    queue.enter(worker, version="3", drives_all=True)
    claim = world.claimed(worker)
    assert queue.lead("watch lisa", worker)
    assert not queue.lead("watch lisa", other)
    assert queue.lead("watch bart", other)
    assert queue.lead("watch lisa", worker)
    queue.leave(worker)
    assert queue.workers() == []
    assert world.state(claim.run_id) is QueueState.READY
    assert queue.lead("watch lisa", other)
    assert [c.run_id for c in queue.claim(other, Limits())] == [claim.run_id]
    with pytest.raises(LeaseLostError):
        queue.change(claim, lambda run: run.complete())


def test_who_leads_is_somebody_else_when_the_lease_has_run_out(opened: Opener) -> None:
    queue = opened(SHORT_S).queue
    first, second = a_worker(), a_worker()
    assert queue.lead("watch lisa", first)
    assert not queue.lead("watch lisa", second)
    wait_until(lambda: queue.lead("watch lisa", second), "the lease runs out")
    assert not queue.lead("watch lisa", first)


def test_workers_see_each_other_with_what_they_are_at(world: OpenQueue, queue: RunQueue) -> None:
    first, second = a_worker(), this_worker()
    queue.enter(first, version="3.0", drives_all=True)
    queue.enter(second, version="3.1", drives_all=False)
    world.claimed(first)
    views = {view.worker: view for view in queue.workers()}
    assert {w: (v.version, v.claims, v.drives_all) for w, v in views.items()} == {
        first: ("3.0", 1, True),
        second: ("3.1", 0, False),
    }
    assert all(view.started_at <= view.seen_at for view in views.values())


def test_what_the_queue_holds_is_counted_and_shown(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    waiting, _ = world.waits(worker)
    ready = world.added(cluster="bart")
    over = ended(world, worker)
    assert queue.counts() == {
        ("lisa", QueueState.WAITING, "judge"): 1,
        ("bart", QueueState.READY, "prepare"): 1,
    }
    assert [v.run_id for v in queue.view()] == [waiting, ready, over]
    assert [v.run_id for v in queue.view(states=[QueueState.READY])] == [ready]
    assert [v.run_id for v in queue.view(states=[QueueState.READY, QueueState.ENDED])] == [ready, over]
    assert [v.run_id for v in queue.view(states=[])] == []
    assert [v.run_id for v in queue.view(limit=1)] == [waiting]


def test_which_of_some_runs_go_on_is_told(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    waiting, _ = world.waits(worker)
    claimed, paused = world.claimed(worker), world.claimed(worker)
    queue.move(paused, Park(), lambda run: run.pause({"message": "no space"}))
    ready, over = world.added(), ended(world, worker)
    asked = [waiting, claimed.run_id, paused.run_id, over, new_run().run_id]
    assert queue.still_going(asked) == {waiting, claimed.run_id}
    assert queue.still_going([ready, *(new_run().run_id for _ in range(1200))]) == {ready}
    assert queue.still_going([]) == frozenset()


def test_runs_are_counted_without_a_look_at_those_that_have_ended(world: OpenQueue, queue: RunQueue) -> None:
    world.added()
    ended(world, a_worker())
    factory = world.tracker.factory
    assert isinstance(factory, Factory)
    asked: list[str] = []
    sa.event.listen(factory.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    assert sum(queue.counts().values()) == 1
    (question,) = (words for words in asked if words.startswith("SELECT"))
    with factory.engine.connect() as connection:
        if connection.dialect.name == "postgresql":  # so few rows are read quicker without an index
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plan = connection.exec_driver_sql(f"{explain} {question}").all()
    assert "ix_engine_run_open" in str(plan)


def test_what_limits_count_is_counted(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    assert list(queue.at_work()) == []
    world.waits(worker, requester="ada")
    world.waits(worker, 8, requester="ada")
    world.waits(worker, 9, requester="bob", cluster="bart")
    for pool in (Pool.SUBMIT, Pool.STAGE, Pool.STAGE):
        world.claimed(worker, pool=pool, requester="ada")
    world.claimed(worker, step=names.CONVERT, pool=Pool.SUBMIT, requester="ada")
    converted = world.claimed(worker, step=names.CONVERT, pool=Pool.SUBMIT, requester="ada")
    job = job_of(converted.run_id)
    queue.move(converted, WaitForJob(job=job, step=names.JUDGE_CONVERSION, pool=Pool.FETCH))
    world.added(requester="ada")
    found = [(o.pool, o.cluster, o.requester, o.is_conversion, o.count) for o in queue.at_work()]
    assert sorted(found, key=str) == [
        (Pool.STAGE, "lisa", "ada", False, 2),
        (Pool.SUBMIT, "lisa", "ada", False, 1),
        (Pool.SUBMIT, "lisa", "ada", True, 1),
        (None, "bart", "bob", False, 1),
        (None, "lisa", "ada", False, 2),
        (None, "lisa", "ada", True, 1),
    ]


def test_this_process_lives_and_others_can_be_told_from_it() -> None:
    here = this_worker()
    assert not is_gone(here)
    assert is_gone(gone())
    assert not is_gone(a_worker())
