"""Giving out steps."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.queue_tables import RUNS
from biomero.application.engine import names
from biomero.application.engine.place import POOLS
from biomero.application.ports.run_queue import (
    LONGEST_PAUSE_S,
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
    Wish,
)
from biomero.application.whose_turn import reached_limit
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import LeaseLostError, RecordConflictError
from contract.queue.conftest import Opener
from services.processes import wait_until
from services.queues import OpenQueue, a_worker, events_of, job_of, new_run, queued


def test_a_run_is_stored_with_its_place_and_given_out_once(world: OpenQueue, queue: RunQueue) -> None:
    run_id = world.added()
    assert world.run(run_id).status is RunStatus.SUBMITTED
    (claim,) = queue.claim(a_worker(), Limits())
    assert (claim.run_id, claim.step, claim.attempt, claim.token) == (run_id, "prepare", 0, 1)
    assert not claim.cancel_requested
    assert queue.claim(a_worker(), Limits()) == []


def test_adding_again_what_was_added_changes_nothing(world: OpenQueue, queue: RunQueue) -> None:
    run = new_run()
    again = new_run()
    again._id = run.id  # as after an answer that never came
    queue.add(queued(run), run)
    assert run.pending_events == []
    queue.add(queued(run), again)
    assert len(queue.view()) == 1
    assert world.run(run.run_id).version == run.version


def test_a_run_that_is_recorded_already_is_not_added_under_its_name(
    world: OpenQueue, queue: RunQueue
) -> None:
    run, other = new_run(), new_run()
    world.tracker.save(run)
    for event in other.pending_events:
        event.__dict__["originator_id"] = run.id
    other._id = run.id
    with pytest.raises(RecordConflictError):
        queue.add(queued(run), other)
    assert queue.view() == []


def test_a_step_decides_on_its_way_and_sees_what_became_of_it(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())
    assert queue.change(claim, lambda run: run.advance(RunStatus.STAGING)).status is RunStatus.STAGING
    assert queue.change(claim, lambda _: None).status is RunStatus.STAGING
    assert world.run(claim.run_id).status is RunStatus.STAGING
    assert world.state(claim.run_id) is QueueState.CLAIMED


def test_a_decision_that_raises_stores_nothing_and_keeps_the_claim(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())

    def odd(run: object) -> None:
        raise ArithmeticError(run)

    with pytest.raises(ArithmeticError):
        queue.change(claim, odd)
    with pytest.raises(ArithmeticError):
        queue.move(claim, End(), odd)
    assert queue.move(claim, End(), lambda run: run.complete()).status is RunStatus.DONE


def test_what_others_recorded_meanwhile_is_seen_and_kept(opened: Opener) -> None:
    mine, theirs = opened(), opened()
    claim = mine.claimed(a_worker())
    mine.queue.change(claim, lambda run: run.advance(RunStatus.STAGING))
    theirs.tracker.change(type(mine.run(claim.run_id)), claim.run_id, lambda run: run.request_cancel("eve"))
    run = mine.queue.move(
        claim, GoOn(step="convert", pool=Pool.SUBMIT), lambda run: run.advance(RunStatus.CONVERTING)
    )
    assert (run.status, run.cancel_requested_by) == (RunStatus.CONVERTING, "eve")


def test_going_on_makes_the_next_step_due_at_once(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())
    queue.move(claim, TryAgain(after_s=0))
    (claim,) = queue.claim(a_worker(), Limits())
    assert claim.attempt == 1
    queue.move(claim, GoOn(step="convert", pool=Pool.SUBMIT), lambda run: run.advance(RunStatus.CONVERTING))
    (claim,) = queue.claim(a_worker(), Limits())
    assert (claim.step, claim.pool, claim.attempt) == ("convert", Pool.SUBMIT, 0)


def test_trying_again_waits_and_counts_only_failures(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())
    queue.move(claim, TryAgain(after_s=1, counts=False))
    assert queue.claim(a_worker(), Limits()) == []
    wait_until(lambda: bool(queue.claim(a_worker(), Limits())), "it is due")
    assert world.place(claim.run_id).attempt == 0


def test_no_step_is_put_off_for_longer_than_the_longest_pause(world: OpenQueue, queue: RunQueue) -> None:
    claim = world.claimed(a_worker())
    place = world.place(claim.run_id)
    queue.move(claim, TryAgain(after_s=1e9))
    pause = world.place(claim.run_id).due - place.due
    assert LONGEST_PAUSE_S <= pause.total_seconds() < LONGEST_PAUSE_S + 60
    assert queue.claim(a_worker(), Limits()) == []


def test_a_run_does_not_wait_until_a_clock_that_was_set_back_is_there_again(
    world: OpenQueue, queue: RunQueue
) -> None:
    run_id = world.added()
    factory = world.tracker.factory
    assert isinstance(factory, Factory)
    with factory.engine.begin() as connection:  # as it stands when the clock goes back by a day
        connection.execute(sa.update(RUNS).values(due=RUNS.c.due + 86_400))
    assert [claim.run_id for claim in queue.claim(a_worker(), Limits())] == [run_id]


def test_a_run_waits_for_its_job_until_that_is_over(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    run_id, job = world.waits(worker)
    assert queue.claim(worker, Limits()) == []
    (waiting,) = queue.waiting("lisa")
    assert (waiting.run_id, waiting.job, waiting.seen) == (run_id, job, "")
    assert queue.waiting("elsewhere") == []
    queue.tell([JobNews(run_id=run_id, job=job, seen="", is_over=True)])
    (claim,) = queue.claim(worker, Limits())
    assert (claim.step, claim.pool) == ("judge", Pool.FETCH)


def test_parking_and_ending_take_a_run_from_all_workers(world: OpenQueue, queue: RunQueue) -> None:
    parked, done = world.claimed(a_worker()), world.claimed(a_worker())
    queue.move(parked, Park(), lambda run: run.pause({"message": "no space"}))
    queue.move(done, End(), lambda run: run.complete())
    assert queue.claim(a_worker(), Limits()) == []
    assert world.state(parked.run_id) is QueueState.PAUSED
    assert world.state(done.run_id) is QueueState.ENDED


def test_a_claim_is_over_after_a_move(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    claim = world.claimed(worker)
    queue.move(claim, TryAgain(after_s=0))
    (newer,) = queue.claim(worker, Limits())
    for old in (claim, claim):
        with pytest.raises(LeaseLostError):
            queue.change(old, lambda run: run.advance(RunStatus.STAGING))
        with pytest.raises(LeaseLostError):
            queue.move(old, End(), lambda run: run.complete())
    assert world.run(claim.run_id).status is RunStatus.SUBMITTED
    assert newer.token > claim.token
    queue.move(newer, End(), lambda run: run.complete())
    assert events_of(world, claim.run_id, WorkflowRun.WorkflowCompleted) == 1


def test_only_some_runs_are_given_out_where_only_these_are_wanted(world: OpenQueue, queue: RunQueue) -> None:
    wanted, _other = world.added(), world.added()
    assert [c.run_id for c in queue.claim(a_worker(), Limits(), only=[wanted])] == [wanted]
    assert queue.claim(a_worker(), Limits(), only=[]) == []


def test_a_run_whose_files_are_on_one_machine_is_driven_there(world: OpenQueue, queue: RunQueue) -> None:
    run_id = world.added(host="here")
    assert queue.claim(a_worker("there"), Limits()) == []
    assert [c.run_id for c in queue.claim(a_worker("here"), Limits())] == [run_id]


def test_no_more_than_asked_for_is_given_out_oldest_first(world: OpenQueue, queue: RunQueue) -> None:
    ids = [world.added() for _ in range(5)]
    assert [c.run_id for c in queue.claim(a_worker(), Limits(), most=3)] == ids[:3]
    assert [c.run_id for c in queue.claim(a_worker(), Limits(), most=0)] == []


def test_each_pool_has_its_limit_over_all_workers(world: OpenQueue, queue: RunQueue) -> None:
    for pool in (Pool.STAGE, Pool.FETCH):
        for requester in ("ada", "bob", "ada", "bob"):
            world.added(pool=pool, requester=requester)
    limits = Limits(pools={Pool.STAGE: 2})
    first, second = queue.claim(a_worker(), limits, most=1), queue.claim(a_worker(), limits)
    given = [c.pool for c in (*first, *second)]
    assert (given.count(Pool.STAGE), given.count(Pool.FETCH)) == (2, 4)
    assert queue.claim(a_worker(), limits) == []
    queue.move(next(c for c in (*first, *second) if c.pool is Pool.STAGE), End())
    assert [c.pool for c in queue.claim(a_worker(), limits)] == [Pool.STAGE]


def test_the_last_place_of_a_pool_is_for_somebody_else(world: OpenQueue, queue: RunQueue) -> None:
    for _ in range(5):
        world.added(requester="ada")
    limits, worker = Limits(pools={Pool.STAGE: 3}), a_worker()
    first = queue.claim(worker, limits)
    assert [c.requester for c in first] == ["ada", "ada"]
    world.added(requester="bob")
    assert [c.requester for c in queue.claim(worker, limits)] == ["bob"]
    queue.request(first[0].run_id, Wish.CANCEL, lambda run: run.request_cancel("ada"))
    queue.move(first[0], TryAgain(after_s=0))
    assert [c.run_id for c in queue.claim(worker, limits)] == [first[0].run_id]  # a wish waits for no place


def test_a_pool_of_one_place_is_for_everybody(world: OpenQueue, queue: RunQueue) -> None:
    for _ in range(2):
        world.added(requester="ada")
    limits, worker = Limits(pools={Pool.STAGE: 1}), a_worker()
    assert [c.requester for c in queue.claim(worker, limits)] == ["ada"]
    assert queue.claim(worker, limits) == []


def test_a_cluster_and_a_requester_have_so_many_jobs_at_most(world: OpenQueue, queue: RunQueue) -> None:
    for requester in ("ada", "ada", "ada", "bob"):
        world.added(step="submit", pool=Pool.SUBMIT, requester=requester)
    world.added(step="submit", pool=Pool.SUBMIT, requester="ada", cluster="other")
    limits = Limits(runs_per_cluster={"lisa": 3}, runs_per_requester=2)
    worker = a_worker()
    claims = queue.claim(worker, limits)
    assert sorted((c.requester, c.cluster) for c in claims) == [
        *[("ada", "lisa")] * 2,
        ("ada", "other"),
        ("bob", "lisa"),
    ]
    waiting = next(c for c in claims if (c.requester, c.cluster) == ("ada", "lisa"))
    queue.move(
        waiting, WaitForJob(job=job_of(waiting.run_id), step="judge", pool=Pool.FETCH)
    )  # its job counts like the claim did
    assert queue.claim(worker, limits) == []
    queue.tell([JobNews(run_id=waiting.run_id, job=job_of(waiting.run_id), seen="", is_over=True)])
    assert sorted(c.step for c in queue.claim(worker, limits)) == ["judge", "submit"]


def conversion(world: OpenQueue, **place: str) -> RunId:
    """Put a new run into the queue whose images are to be converted."""
    return world.added(step=names.CONVERT, pool=Pool.SUBMIT, **place)


def converting(claim: Claim) -> WaitForJob:
    """Return the move of a run whose images a job converts."""
    return WaitForJob(job=job_of(claim.run_id), step=names.JUDGE_CONVERSION, pool=Pool.FETCH)


def test_so_many_runs_are_converted_at_a_cluster_at_once(world: OpenQueue, queue: RunQueue) -> None:
    ids = [conversion(world, requester=requester) for requester in ("ada", "bob", "eve")]
    other, analysis = conversion(world, cluster="other"), world.added(step=names.ANALYSE, pool=Pool.SUBMIT)
    worker, limits = a_worker(), Limits(conversions=2)
    claims = {claim.run_id: claim for claim in queue.claim(worker, limits)}
    assert set(claims) == {*ids[:2], other, analysis}  # others' jobs do not wait for conversions
    queue.move(claims[ids[0]], converting(claims[ids[0]]))  # its job counts like the claim did
    assert queue.claim(worker, limits) == []
    queue.tell([JobNews(run_id=ids[0], job=job_of(ids[0]), seen="", is_over=True)])
    assert {c.run_id: c.step for c in queue.claim(worker, limits)} == {
        ids[0]: names.JUDGE_CONVERSION,  # which is no conversion any more
        ids[2]: names.CONVERT,
    }


def test_a_wish_does_not_wait_until_fewer_are_converted(world: OpenQueue, queue: RunQueue) -> None:
    worker, limits = a_worker(), Limits(conversions=1)
    _, second = conversion(world), conversion(world)
    assert len(queue.claim(worker, limits)) == 1
    queue.request(second, Wish.CANCEL, lambda run: run.request_cancel("ada"))
    assert [c.run_id for c in queue.claim(worker, limits)] == [second]


def test_analyses_behind_many_conversions_are_found(world: OpenQueue, queue: RunQueue) -> None:
    for _ in range(3):
        conversion(world)
    analysis = world.added(step=names.ANALYSE, pool=Pool.SUBMIT)
    assert [c.run_id for c in queue.claim(a_worker(), Limits(conversions=0), most=1)] == [analysis]


def test_without_a_limit_conversions_are_jobs_like_all_others(world: OpenQueue, queue: RunQueue) -> None:
    ids = [conversion(world) for _ in range(3)]
    limits = Limits(runs_per_cluster={"lisa": 2})
    assert [c.run_id for c in queue.claim(a_worker(), limits)] == ids[:2]


def test_who_has_fewest_at_work_comes_first(world: OpenQueue, queue: RunQueue) -> None:
    for _ in range(6):
        world.added(requester="ada")
    for _ in range(2):
        world.added(requester="bob")
    worker = a_worker()
    assert [c.requester for c in queue.claim(worker, Limits(), most=2)] == ["ada", "bob"]
    given = queue.claim(worker, Limits(), most=4)
    assert sorted(c.requester for c in given) == ["ada", "ada", "ada", "bob"]


def test_who_has_waited_longest_comes_before_who_was_served(world: OpenQueue, queue: RunQueue) -> None:
    worker, limits = a_worker(), Limits(pools={Pool.STAGE: 1})
    claim = world.claimed(worker, requester="ada")
    world.added(requester="bob")
    queue.move(claim, GoOn(step="stage", pool=Pool.STAGE))
    assert [c.requester for c in queue.claim(worker, limits)] == ["bob"]


def test_who_has_many_jobs_at_a_cluster_stands_behind(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    for _ in range(3):
        world.waits(worker, requester="ada")
    for requester in ("ada", "ada", "bob", "bob"):
        world.added(requester=requester)
    assert [c.requester for c in queue.claim(worker, Limits(), most=2)] == ["bob", "bob"]


def test_a_claim_is_put_off_without_a_look_at_the_record(world: OpenQueue, queue: RunQueue) -> None:
    worker = a_worker()
    claim = world.claimed(worker)
    queue.put_off(claim, after_s=0)
    with pytest.raises(LeaseLostError):
        queue.put_off(claim, after_s=0)
    (again,) = queue.claim(worker, Limits())
    assert (again.run_id, again.attempt) == (claim.run_id, 1)
    queue.put_off(again, after_s=60)
    assert queue.claim(worker, Limits()) == []
    assert world.state(claim.run_id) is QueueState.READY


def test_whoever_waits_for_its_turn_can_be_told_why(world: OpenQueue, queue: RunQueue) -> None:
    steps = ("stage", "analyse", "fetch", "deliver", "convert")
    for number in range(60):
        step = steps[number % 5]
        requester, cluster = ("ada", "ada", "bob")[number % 3], ("lisa", "bart")[number // 5 % 2]
        world.added(step=step, pool=POOLS[step], requester=requester, cluster=cluster)
    pools = {Pool.STAGE: 3, Pool.SUBMIT: 2, Pool.DELIVER: 1}
    limits = Limits(pools=pools, runs_per_cluster={"lisa": 2}, runs_per_requester=2, conversions=1)
    worker = a_worker()
    while True:
        at_work, waiting = queue.at_work(), queue.view(states=[QueueState.READY])
        free = {one.run_id for one in waiting if reached_limit(one, at_work, limits) is None}
        given = queue.claim(worker, limits, most=1)
        assert {claim.run_id for claim in given} <= free
        if not given:
            break
        if given[0].pool is Pool.SUBMIT:
            job, is_conversion = job_of(given[0].run_id), given[0].step == names.CONVERT
            judge = names.JUDGE_CONVERSION if is_conversion else names.JUDGE_ANALYSIS
            queue.move(given[0], WaitForJob(job=job, step=judge, pool=Pool.FETCH))
    assert not free
    told = [str(reached_limit(one, at_work, limits)) for one in waiting]
    keys = {key for text in told for key in re.findall(r"\((\w+) = ", text)}
    assert keys == {"max_exports", "max_runs", "max_runs_per_user", "max_conversions", "max_deliveries"}
