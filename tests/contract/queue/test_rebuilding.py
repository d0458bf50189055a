"""The queue is an index over the record: what it lacks or has wrong is made again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from biomero.adapters.persistence.queue_tables import RUNS
from biomero.application.engine.recover import DailyCheck, check_queue, contradictions
from biomero.application.ports.run_queue import End, Limits, Park, Pool, QueuedRun, QueueState, RunQueue
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from contract.queue.conftest import Opener
from services.clocks import Later
from services.processes import wait_until
from services.queues import OpenQueue, a_worker, ended, new_run, queued


def place(run: WorkflowRun) -> QueuedRun | None:
    return queued(run, step=f"after-{run.step.value}", pool=Pool.SUBMIT)


def forget(world: OpenQueue) -> None:
    """Lose the whole queue."""
    world.queue.view()
    with world.queue._database._engine.begin() as connection:  # type: ignore[attr-defined] # the adapter's own
        connection.execute(sa.delete(RUNS))


def test_a_lost_queue_is_made_again_from_the_record(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    ended(world, worker)
    failed = world.claimed(worker)
    queue.move(failed, End(), lambda run: run.fail({"message": "no"}))
    paused, unwanted, staging = (world.claimed(worker) for _ in range(3))
    queue.move(paused, Park(), lambda run: run.pause({"message": "no space"}))
    queue.change(staging, lambda run: run.advance(RunStatus.STAGING))
    queue.request(unwanted.run_id, "cancel", lambda run: run.request_cancel("ada"))
    world.tracker.initiate_workflow("of a script", "", 1, 1)
    forget(world)

    assert check_queue(queue, place) == 3
    assert {v.run_id: (v.state, v.step) for v in queue.view()} == {
        paused.run_id: (QueueState.PAUSED, "after-submitted"),
        unwanted.run_id: (QueueState.READY, "after-submitted"),
        staging.run_id: (QueueState.READY, "after-staging"),
    }
    claims = {c.run_id: c for c in queue.claim(worker, Limits())}
    assert {i: c.cancel_requested for i, c in claims.items()} == {
        unwanted.run_id: True,
        staging.run_id: False,
    }
    assert check_queue(queue, place) == 0
    assert list(contradictions(queue, world.run)) == []


def test_runs_in_the_queue_are_left_as_they_are(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    world.waits(worker)
    world.claimed(worker)
    world.added()
    ended(world, worker)
    before = queue.view()
    assert check_queue(queue, place) == 0
    assert queue.view() == before


def test_a_run_that_went_on_after_its_end_has_not_ended(world: OpenQueue, queue: RunQueue) -> None:
    run = new_run()
    run.fail_without_evidence("no")
    run.count_session({})
    again = new_run()
    again.fail_without_evidence("no")
    again._advance(status="fetching")
    world.tracker.save(run, again)
    assert check_queue(queue, place) == 1
    assert [v.run_id for v in queue.view()] == [again.run_id]


def test_a_run_that_ended_in_the_queue_alone_is_brought_back(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())
    queue.move(claim, End())
    assert len(list(contradictions(queue, world.run))) == 1
    assert check_queue(queue, place) == 1
    assert world.state(claim.run_id) is QueueState.READY
    (newer,) = queue.claim(a_worker(), Limits())
    assert newer.token > claim.token
    assert list(contradictions(queue, world.run)) == []


def test_a_wish_recorded_past_the_queue_takes_effect(world: OpenQueue, queue: RunQueue) -> None:
    run_id, _ = world.waits(a_worker())
    world.tracker.change(WorkflowRun, run_id, lambda run: run.request_cancel("an older release"))
    assert queue.claim(a_worker(), Limits()) == []
    check_queue(queue, place)
    (claim,) = queue.claim(a_worker(), Limits())
    assert (claim.run_id, claim.cancel_requested) == (run_id, True)


def test_a_run_that_ends_during_the_check_stays_ended(opened: Opener) -> None:
    world, checking = opened(), opened()
    worker = a_worker()
    claims = [world.claimed(worker) for _ in range(40)]
    for claim in claims:
        world.tracker.change(WorkflowRun, claim.run_id, lambda run: run.request_cancel("an older release"))
    with ThreadPoolExecutor(1) as pool:
        check = pool.submit(check_queue, checking.queue, place)
        wait_until(lambda: bool(world.queue.pulse(worker).wanted), "the check has begun", every_s=0)
        for claim in reversed(claims):
            world.queue.move(claim, End(), WorkflowRun.cancel)
        assert check.result(120) == 0
    assert {view.state for view in world.queue.view()} == {QueueState.ENDED}


def test_the_queue_is_checked_daily_by_one_worker_while_all_work(opened: Opener) -> None:
    clock, worlds, worker = Later(), (opened(), opened()), a_worker()
    claim = worlds[0].claimed(worker)
    waiting, _ = worlds[0].waits(worker)
    checks = [DailyCheck(world.queue, a_worker(), clock, place) for world in worlds]
    for days in range(3):
        lost = new_run()
        worlds[0].tracker.save(lost)
        assert [check.run_if_due() for check in checks] == [0, 0]
        clock.sleep(86_400)
        assert [check.run_if_due() for check in checks] == [1, 0], f"after {days} days"
        assert worlds[0].state(lost.run_id) is QueueState.READY
    assert worlds[0].state(waiting) is QueueState.WAITING
    worlds[0].queue.move(claim, End(), WorkflowRun.complete)  # its claim holds


def test_one_run_that_cannot_be_placed_keeps_no_other_out(world: OpenQueue, queue: RunQueue) -> None:
    odd, good, not_ours = new_run(), new_run(), new_run()
    world.tracker.save(odd, good, not_ours)

    def choose(run: WorkflowRun) -> QueuedRun | None:
        if run.id == odd.id:
            raise LookupError
        return None if run.id == not_ours.id else queued(run)

    assert check_queue(queue, choose) == 1
    assert [v.run_id for v in queue.view()] == [good.run_id]
