"""What people want of runs on their way."""

from __future__ import annotations

import pytest

from biomero.application.ports.run_queue import (
    Claim,
    End,
    GoOn,
    JobNews,
    Limits,
    Park,
    Pool,
    QueueState,
    RunQueue,
    TryAgain,
    WaitForJob,
)
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ParameterError, UnknownRunError, UsageError
from services.queues import OpenQueue, a_worker, ended, job_of, new_run, queued


def cancel(queue: RunQueue, run_id: RunId) -> WorkflowRun:
    return queue.request(run_id, "cancel", lambda run: run.request_cancel("ada"))


def pause(queue: RunQueue, run_id: RunId) -> None:
    queue.request(run_id, "pause", lambda _: None)


def resume(queue: RunQueue, run_id: RunId) -> None:
    queue.request(run_id, "resume", lambda run: run.resume())


def next_claim(queue: RunQueue) -> Claim:
    (claim,) = queue.claim(a_worker(), Limits())
    return claim


def test_a_run_to_be_cancelled_is_given_out_whatever_it_waits_for(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    for_later, parked = world.claimed(worker), world.claimed(worker)
    queue.move(for_later, TryAgain(after_s=1000))
    queue.move(parked, Park(), lambda run: run.pause({"message": "no space"}))
    for_a_job, _ = world.waits(worker)
    ids = [for_later.run_id, parked.run_id, for_a_job]
    assert queue.claim(worker, Limits()) == []
    for run_id in ids:
        assert cancel(queue, run_id).cancel_requested_by == "ada"
    limits = Limits(pools=dict.fromkeys(Pool, 0))
    claims = queue.claim(worker, limits)
    assert sorted(c.run_id for c in claims) == sorted(ids)
    assert all(c.cancel_requested for c in claims)


def test_a_worker_that_is_at_it_hears_of_a_wish_with_its_pulse(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    claim, other = world.claimed(worker), world.claimed(worker)
    cancel(queue, claim.run_id)
    pause(queue, other.run_id)
    assert queue.claim(a_worker(), Limits()) == []
    pulse = queue.pulse(worker)
    assert pulse.wanted == {claim.run_id, other.run_id}
    assert not pulse.lost


@pytest.mark.parametrize(
    "move",
    [
        GoOn(step="next", pool=Pool.FETCH),
        TryAgain(after_s=0),
        WaitForJob(job=job_of(RunId("a")), step="judge", pool=Pool.FETCH),
        Park(),
    ],
    ids=lambda move: type(move).__name__,
)
def test_a_wish_outlives_what_the_step_makes_of_the_run(
    world: OpenQueue, queue: RunQueue, move: GoOn
) -> None:
    claim = world.claimed(a_worker())
    cancel(queue, claim.run_id)
    queue.move(claim, move)
    assert next_claim(queue).cancel_requested


def test_a_cancelling_step_that_fails_is_tried_again_when_it_is_time(
    world: OpenQueue, queue: RunQueue
) -> None:
    run_id = world.added()
    cancel(queue, run_id)
    claim = next_claim(queue)
    queue.move(claim, TryAgain(after_s=1000))
    assert queue.claim(a_worker(), Limits()) == []
    cancel(queue, run_id)
    claim = next_claim(queue)
    queue.move(claim, Park(), lambda run: run.pause({"message": "the cluster is away"}))
    assert world.state(run_id) is QueueState.PAUSED
    resume(queue, run_id)
    assert next_claim(queue).cancel_requested


def test_a_pause_is_over_when_somebody_resumes(world: OpenQueue, queue: RunQueue) -> None:
    run_id = world.added()
    pause(queue, run_id)
    claim = next_claim(queue)
    assert claim.pause_requested
    queue.move(claim, TryAgain(after_s=0))
    queue.move(next_claim(queue), Park(), lambda run: run.pause({"message": "wanted"}))
    pause(queue, run_id)
    assert world.state(run_id) is QueueState.PAUSED
    resume(queue, run_id)
    claim = next_claim(queue)
    assert (claim.pause_requested, claim.attempt, claim.step) == (False, 0, "prepare")
    assert world.run(run_id).status is RunStatus.SUBMITTED


def test_a_run_paused_while_its_job_works_waits_for_it_again(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    run_id, job = world.waits(worker)
    pause(queue, run_id)
    assert queue.waiting("lisa") == []
    resume(queue, run_id)
    assert [w.job for w in queue.waiting("lisa")] == [job]
    pause(queue, run_id)
    queue.move(next_claim(queue), Park())
    queue.tell([JobNews(run_id=run_id, job=job, seen="", is_over=True)])
    assert world.state(run_id) is QueueState.PAUSED
    resume(queue, run_id)
    assert [w.job for w in queue.waiting("lisa")] == [job]
    queue.tell([JobNews(run_id=run_id, job=job, seen="", is_over=True)])
    assert next_claim(queue).step == "judge"


def test_a_pause_taken_back_before_it_happened_never_happens(world: OpenQueue, queue: RunQueue) -> None:
    run_id = world.added()
    pause(queue, run_id)
    claim = next_claim(queue)
    resume(queue, run_id)
    run = queue.move(claim, Park(), lambda run: run.pause({"message": "wanted"}))
    assert run.status is RunStatus.SUBMITTED
    late = next_claim(queue)
    assert not late.pause_requested
    pause(queue, run_id)
    resume(queue, run_id)
    queue.move(late, Park(is_wanted=True), lambda run: run.pause({"message": "wanted"}))
    assert world.run(run_id).status is RunStatus.SUBMITTED
    queue.move(next_claim(queue), Park(), lambda run: run.pause({"message": "no space"}))
    assert world.run(run_id).status is RunStatus.PAUSED


def test_a_run_that_has_ended_stays_as_it_is(world: OpenQueue, queue: RunQueue) -> None:
    run_id = ended(world, a_worker())
    for wish in ("cancel", "pause", "resume"):
        run = queue.request(run_id, wish, lambda run: run.count_session({}))
        assert (run.status, run.sessions) == (RunStatus.DONE, [])
    assert queue.claim(a_worker(), Limits()) == []


def test_a_wish_is_recorded_also_of_a_run_that_the_queue_does_not_have(
    world: OpenQueue, queue: RunQueue
) -> None:
    run = new_run()
    world.tracker.save(run)
    cancel(queue, run.run_id)
    assert world.run(run.run_id).cancel_requested_by == "ada"
    assert queue.view() == []


def test_what_nobody_can_wish_or_of_no_run_is_refused(world: OpenQueue, queue: RunQueue) -> None:
    with pytest.raises(ParameterError, match="cancel, pause, resume"):
        queue.request(world.added(), "explode", lambda _: None)
    with pytest.raises(UnknownRunError):
        cancel(queue, new_run().run_id)


@pytest.mark.parametrize("move", [End(), Park()], ids=["ended", "paused"])
def test_a_run_is_tried_again_from_a_step(world: OpenQueue, queue: RunQueue, move: End) -> None:
    claim = world.claimed(a_worker())
    queue.move(claim, TryAgain(after_s=0))
    queue.move(next_claim(queue), move)
    queue.restart(claim.run_id, "deliver", Pool.DELIVER, lambda run: run.count_session({"again": 1}))
    claim = next_claim(queue)
    assert (claim.step, claim.pool, claim.attempt) == ("deliver", Pool.DELIVER, 0)
    assert not claim.cancel_requested
    assert world.run(claim.run_id).sessions == [{"again": 1}]


def test_a_run_that_goes_on_is_not_tried_again(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    for run_id in (world.added(), world.claimed(worker).run_id, world.waits(worker)[0]):
        before = world.place(run_id)
        with pytest.raises(UsageError, match="cancel or pause"):
            queue.restart(run_id, "deliver", Pool.DELIVER, lambda run: run.count_session({}))
        assert world.place(run_id) == before
        assert world.run(run_id).sessions == []


def test_a_run_from_before_the_queue_is_tried_again_where_its_place_is_told(
    world: OpenQueue, queue: RunQueue
) -> None:
    run = new_run()
    run.fail_without_evidence("no")
    world.tracker.save(run)
    with pytest.raises(UsageError, match="never in the queue"):
        queue.restart(run.run_id, "stage", Pool.STAGE, lambda run: run.count_session({}))
    queue.restart(run.run_id, "stage", Pool.STAGE, lambda run: run.count_session({}), otherwise=queued(run))
    assert next_claim(queue).step == "stage"
