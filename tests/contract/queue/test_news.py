"""What looks at clusters say of many runs."""

from __future__ import annotations

import pytest

from biomero.application.ports.run_queue import JobNews, Limits, Pool, QueueState, RunQueue, WaitForJob
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from contract.queue.conftest import Opener
from services.queues import OpenQueue, a_worker, job_of


def advance(run: WorkflowRun) -> None:
    run.advance(RunStatus.RUNNING)


def test_what_was_seen_of_a_job_is_known_to_the_next_look(world: OpenQueue, queue: RunQueue) -> None:
    run_id, job = world.waits(a_worker())
    queue.tell([JobNews(run_id=run_id, job=job, seen="RUNNING", unknown_looks=3, decide=advance)])
    (waiting,) = queue.waiting("lisa")
    assert (waiting.seen, waiting.unknown_looks) == ("RUNNING", 3)
    assert world.run(run_id).status is RunStatus.RUNNING


def test_news_of_another_job_or_of_a_run_that_does_not_wait_are_left_out(
    world: OpenQueue, queue: RunQueue
) -> None:
    worker = a_worker()
    run_id, job = world.waits(worker)
    claimed = world.claimed(worker)
    queue.tell(
        [
            JobNews(run_id=run_id, job=job_of(run_id, 8), seen="x", decide=advance, is_over=True),
            JobNews(run_id=claimed.run_id, job=job_of(claimed.run_id), seen="x", decide=advance),
        ]
    )
    assert world.state(run_id) is QueueState.WAITING
    assert [world.run(i).status for i in (run_id, claimed.run_id)] == [RunStatus.SUBMITTED] * 2
    for _ in range(2):  # said twice, it is recorded once
        queue.tell([JobNews(run_id=run_id, job=job, seen="x", decide=advance, is_over=True)])
    (claim,) = queue.claim(worker, Limits())
    assert (claim.step, claim.token) == ("judge", 2)


def test_a_second_job_of_a_run_starts_unseen(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    run_id, job = world.waits(worker)
    queue.tell([JobNews(run_id=run_id, job=job, seen="RUNNING", unknown_looks=2)])
    queue.tell([JobNews(run_id=run_id, job=job, seen="COMPLETED", is_over=True)])
    (claim,) = queue.claim(worker, Limits())
    queue.move(claim, WaitForJob(job=job_of(run_id, 9), step="judge", pool=Pool.FETCH))
    (waiting,) = queue.waiting("lisa")
    assert (waiting.job.job_id, waiting.seen, waiting.unknown_looks) == (9, "", 0)


@pytest.mark.slow
@pytest.mark.parametrize("count", [450])
def test_one_odd_run_and_a_quicker_process_stop_none_of_many(opened: Opener, count: int) -> None:
    watcher, other = opened(), opened()
    worker = a_worker()
    waiting = [watcher.waits(worker, job_id=n + 1) for n in range(count)]
    odd, quick = waiting[3][0], waiting[5][0]

    def decide(run: WorkflowRun) -> None:
        if run.run_id == odd:
            raise ArithmeticError
        if run.run_id == quick and run.cancel_requested_by is None:
            other.tracker.change(WorkflowRun, quick, lambda run: run.request_cancel("eve"))
        run.advance(RunStatus.RUNNING)

    watcher.queue.tell(
        [JobNews(run_id=i, job=job, seen="x", decide=decide, is_over=True) for i, job in waiting]
    )
    assert watcher.queue.waiting("lisa") == []
    assert len(watcher.queue.claim(worker, Limits(), most=1000)) == count
    statuses = {i: watcher.run(i).status for i, _ in waiting}
    assert {i for i, status in statuses.items() if status is not RunStatus.RUNNING} == {odd}
    assert watcher.run(quick).cancel_requested_by == "eve"
