"""How jobs stand, and waiting for their end."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any
from uuid import uuid4

import pytest

from biomero.application.script_api.hand_over import identity_in
from biomero.application.script_api.job_states import UNKNOWN, is_final, job_states, word_for
from biomero.application.script_api.list_jobs import list_jobs
from biomero.application.script_api.run import WorkflowOrder, run_workflow
from biomero.application.script_api.wait import JobLook, wait_for_job
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState, TaskReport
from biomero.errors import (
    AuthenticationFailedError,
    BiomeroError,
    ClusterError,
    ConfigurationError,
    ConnectionFailedError,
    InputError,
    SchedulerUnavailableError,
)
from biomero.testing.scheduler import FakeScheduler, always_well
from unit.application.script_api.conftest import World

FINAL = [state for state in JobState if state.is_final]


def report(*states: JobState, missing: tuple[int, ...] = ()) -> JobReport:
    tasks = tuple(TaskReport(index=i, state=state) for i, state in enumerate(states))
    return JobReport(job_id=SlurmJobId(1), tasks=tasks, missing_tasks=missing)


@pytest.mark.parametrize(
    ("states", "as_one"),
    [
        ("COMPLETED", "COMPLETED"),
        ("RUNNING FAILED COMPLETED", "RUNNING"),
        ("FAILED COMPLETED COMPLETED", "FAILED"),
        ("COMPLETED TIMEOUT", "TIMEOUT"),
        ("OUT_OF_MEMORY TIMEOUT", "FAILED"),
        ("PENDING PENDING", "PENDING"),
        ("PENDING COMPLETED", "RUNNING"),
    ],
)
def test_an_array_is_one_job(states: str, as_one: str) -> None:
    assert report(*(JobState[s] for s in states.split())).state is JobState[as_one]


def test_a_job_with_tasks_that_nobody_knows_has_no_state() -> None:
    assert report(JobState.COMPLETED, missing=(1,)).state is None
    assert report(JobState.RUNNING, missing=(1,)).state is JobState.RUNNING


def submit(world: World) -> int:
    world.unpacked("set", {"a.tif": b"II*\0"})
    return run_workflow(
        world.session, WorkflowOrder(workflow="threshold", version="latest", data="set")
    ).job_id


def test_every_job_that_was_asked_for_is_told(world: World) -> None:
    job = submit(world)
    states = job_states(world.session, [str(job), 4711, job])
    assert states == {job: "PENDING", 4711: UNKNOWN}
    assert (states["4711"], states[str(job)]) == (UNKNOWN, "PENDING")  # type: ignore[index]
    assert (states.get("4711"), states.get(job), states.get("4712", "no")) == (UNKNOWN, "PENDING", "no")
    asked: Container[object] = states
    assert "4711" in asked
    assert "4712" not in asked
    with pytest.raises(KeyError):
        states[12]
    with pytest.raises(InputError):
        job_states(world.session, ["; rm"])
    world.scheduler.outage = SchedulerUnavailableError("the controller is away")
    with pytest.raises(SchedulerUnavailableError):
        job_states(world.session, [job])


def test_who_waits_hears_how_a_job_ended_and_whose_task_it_was(world: World) -> None:
    world.unpacked("set", {"a.tif": b"II*\0"})
    identity = str(uuid4())
    order = WorkflowOrder(workflow="threshold", version="latest", data="set", identity=identity)
    job = run_workflow(world.session, order).job_id
    ends: list[tuple[str | None, JobReport]] = []
    listen = lambda ref, told: ends.append((identity_in(ref.key), told))  # noqa: E731 - said twice
    assert job_states(world.session, [job], on_end=listen)[job] == "PENDING"
    assert ends == []
    assert wait_for_job(world.session, job, on_end=listen) == "FAILED"  # that is no image
    ((whose, told),) = ends
    assert (whose, told.is_final, told.tasks[0].usage.node) == (identity, True, "fake")


@pytest.mark.parametrize("key", ["biomero-00000000-0000-0000-0000-000000000001", "omero-job-mine", "x"])
def test_a_job_of_another_name_is_nobodys_task(key: str) -> None:
    assert identity_in(JobKey(key)) is None


def test_a_job_that_nobody_knows_is_asked_about_again(world: World) -> None:
    assert job_states(world.session, [4711])[4711] == UNKNOWN
    assert world.clock.slept == [3.0, 3.0]


def test_scripts_know_every_word() -> None:
    assert {word_for(state) for state in JobState if not state.is_final} == {"PENDING", "RUNNING"}
    assert all(word_for(state) == state.text and is_final(state.text) for state in FINAL)
    assert not is_final(UNKNOWN)
    assert not is_final("RUNNING")


def test_jobs_are_listed_newest_first(world: World) -> None:
    first = submit(world)
    world.end(first)
    second = run_workflow(
        world.session,
        WorkflowOrder(workflow="threshold", version="latest", data="set", values={"behave": "nothing"}),
    ).job_id
    assert list_jobs(world.session, "active") == [str(second)]
    world.end(second)
    assert list_jobs(world.session, "all") == [str(second), str(first)]
    assert list_jobs(world.session, "completed") == []
    world.set(accounting_start="long ago")
    with pytest.raises(ConfigurationError, match="sacct_start_time"):
        list_jobs(world.session, "all")
    world.set(accounting_days=999_999)
    assert list_jobs(world.session, "all") == [str(second), str(first)]
    world.set(accounting_days=3)
    assert list_jobs(world.session, "all") == [str(second), str(first)]
    assert list_jobs(world.session, "active") == []


class Scripted(FakeScheduler):
    """Answers as it is told, once each, and then as always."""

    def __init__(self, run: Any) -> None:
        super().__init__(run)
        self.answers: list[BiomeroError] = []

    def report(self, jobs: Sequence[JobRef]) -> Any:
        if self.answers and jobs:
            raise self.answers.pop(0)
        return super().report(jobs)


@pytest.mark.parametrize("state", FINAL)
def test_every_end_is_an_end(world: World, state: JobState) -> None:
    job = submit(world)
    world.scheduler.end(world.scheduler.submissions[0].key, state)
    assert wait_for_job(world.session, job) == state.text


def test_a_lost_connection_says_nothing_about_the_job(world: World) -> None:
    scheduler = world.scheduler = Scripted(always_well)
    job = submit(world)
    scheduler.answers = [ConnectionFailedError("lost"), SchedulerUnavailableError("away")]
    looks: list[JobLook] = []
    assert wait_for_job(world.session, job, on_look=looks.append) == "COMPLETED"
    assert [look.state for look in looks] == [None, None, "PENDING", "RUNNING", "COMPLETED"]
    assert looks[0].problem == "lost"
    assert world.clock.slept == [10.0, 15.0, 10.0, 10.0]


def test_waiting_ends_when_it_makes_no_sense(world: World) -> None:
    scheduler = world.scheduler = Scripted(always_well)
    job = submit(world)
    scheduler.answers = [AuthenticationFailedError("the key was withdrawn")]
    with pytest.raises(AuthenticationFailedError):
        wait_for_job(world.session, job)
    scheduler.answers = [ConnectionFailedError("lost")] * 1000
    with pytest.raises(ConnectionFailedError):
        wait_for_job(world.session, job)
    assert 3600 <= sum(world.clock.slept) < 4000
    scheduler.answers = []
    scheduler.forget(scheduler.submissions[0].key)
    assert wait_for_job(world.session, job) == UNKNOWN


def test_who_listens_may_end_the_waiting(world: World) -> None:
    job = submit(world)

    def stop(look: JobLook) -> None:
        raise ClusterError(f"the session of OMERO has ended, at {look.state}")

    with pytest.raises(ClusterError):
        wait_for_job(world.session, job, on_look=stop)
