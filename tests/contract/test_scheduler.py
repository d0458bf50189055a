"""What every scheduler promises, whichever it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState
from biomero.errors import SubmissionRejectedError
from contract.scheduler_makers import FakeMaker, LocalMaker, Maker, SlurmMaker
from services.processes import wait_until


@pytest.fixture(params=["fake", "local", pytest.param("slurm", marks=pytest.mark.slurm)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Maker]:
    if request.param == "fake":
        yield FakeMaker()
    elif request.param == "local":
        yield LocalMaker(tmp_path)
    else:
        maker = SlurmMaker(request.getfixturevalue("slurm_lab"))
        yield maker
        maker.close()


def until(make: Maker, ref: JobRef, holds: Callable[[JobReport], bool]) -> JobReport:
    last: list[JobReport] = []

    def look() -> bool:
        report = make.scheduler.report([ref]).get(ref.job_id)
        if report is not None:
            last.append(report)
        return report is not None and holds(report)

    wait_until(look, f"{ref.key} is as expected; last: {last[-1:]}", timeout_s=60)
    return last[-1]


def is_final(report: JobReport) -> bool:
    return report.is_final


def is_running(report: JobReport) -> bool:
    return any(task.state is JobState.RUNNING for task in report.tasks)


def test_a_job_that_ends_well_is_completed(make: Maker) -> None:
    spec = make.job(0)
    ref = make.scheduler.submit(spec)
    assert ref.key == spec.key
    assert spec.script.startswith(ref.folder + "/")
    report = until(make, ref, is_final)
    (task,) = report.tasks
    assert report.is_success
    assert (task.index, task.state, task.exit_code, task.signal) == (None, JobState.COMPLETED, 0, 0)
    assert task.usage.elapsed_s is not None
    assert task.usage.node
    assert make.runs(spec) == 1


def test_a_job_that_fails_tells_its_exit_code(make: Maker) -> None:
    report = until(make, make.scheduler.submit(make.job(3)), is_final)
    (task,) = report.failed_tasks
    assert (task.state, task.exit_code) == (JobState.FAILED, 3)
    assert not report.is_success


def test_array_tasks_are_judged_one_by_one(make: Maker) -> None:
    spec = make.job(0, 7, 0, is_array=True)
    ref = make.scheduler.submit(spec)
    report = until(make, ref, is_final)
    assert ref.array_size == 3
    assert [(t.index, t.state, t.exit_code) for t in report.tasks] == [
        (0, JobState.COMPLETED, 0),
        (1, JobState.FAILED, 7),
        (2, JobState.COMPLETED, 0),
    ]
    assert [task.index for task in report.failed_tasks] == [1]
    assert make.runs(spec) == 3


def test_the_same_key_finds_the_same_job(make: Maker) -> None:
    spec = make.job(0, waits=True)
    first = make.scheduler.submit(spec)
    assert make.scheduler.submit(spec) == first
    make.release(spec)
    until(make, first, is_final)
    assert make.scheduler.submit(spec) == first
    assert make.runs(spec) == 1


def test_many_submissions_at_once_make_one_job(make: Maker) -> None:
    spec = make.job(0)
    with ThreadPoolExecutor(5) as pool:
        refs = set(pool.map(lambda _: make.scheduler.submit(spec), range(5)))
    assert len(refs) == 1
    until(make, refs.pop(), is_final)
    assert make.runs(spec) == 1


def test_an_unknown_partition_is_rejected_by_name(make: Maker) -> None:
    with pytest.raises(SubmissionRejectedError, match="no partition 'nope'"):
        make.scheduler.submit(make.job(0, partition="nope"))


def test_a_job_that_was_rejected_can_be_submitted_better(make: Maker) -> None:
    spec = make.job(0, partition="nope")
    with pytest.raises(SubmissionRejectedError):
        make.scheduler.submit(spec)
    better = make.job(0)
    assert until(make, make.scheduler.submit(better), is_final).is_success


def test_a_running_job_can_be_cancelled(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0, waits=True))
    until(make, ref, is_running)
    make.scheduler.cancel([ref])
    (task,) = until(make, ref, is_final).tasks
    assert task.state is JobState.CANCELLED


def test_a_job_can_be_cancelled_at_once(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0, waits=True))
    make.scheduler.cancel([ref])
    (task,) = until(make, ref, is_final).tasks
    assert task.state is JobState.CANCELLED


def test_a_job_of_unknown_id_is_cancelled_by_its_key(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0, waits=True))
    make.scheduler.cancel([replace(ref, job_id=SlurmJobId(0))])
    (task,) = until(make, ref, is_final).tasks
    assert task.state is JobState.CANCELLED


def test_a_job_that_was_cancelled_before_is_not_submitted(make: Maker) -> None:
    spec = make.job(0)
    folder = spec.script.rpartition("/")[0]
    make.scheduler.cancel([JobRef(key=spec.key, job_id=SlurmJobId(0), folder=folder)])
    with pytest.raises(SubmissionRejectedError, match=f"{spec.key} was cancelled before"):
        make.scheduler.submit(spec)
    other = make.job(0)
    make.scheduler.submit(other)
    assert make.runs(spec) == 0


def test_cancelling_an_array_ends_all_its_tasks(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0, 0, 0, waits=True, is_array=True))
    until(make, ref, is_running)
    make.scheduler.cancel([ref])
    report = until(make, ref, is_final)
    assert {task.state for task in report.tasks} == {JobState.CANCELLED}
    assert [task.index for task in report.tasks] == [0, 1, 2]


def test_cancelling_a_job_that_has_ended_changes_nothing(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0))
    until(make, ref, is_final)
    make.scheduler.cancel([ref])
    make.scheduler.cancel([])
    assert make.scheduler.report([ref])[ref.job_id].is_success


def test_jobs_that_nobody_knows_have_no_report(make: Maker) -> None:
    spec = make.job(0)
    ref = make.scheduler.submit(spec)
    unknown = JobRef(key=JobKey("unknown"), job_id=SlurmJobId(987654), folder=ref.folder)
    other = JobRef(key=JobKey("unknown-2"), job_id=SlurmJobId(987655), folder=ref.folder)
    assert make.scheduler.report([]) == {}
    assert make.scheduler.report([unknown]) == {}
    assert make.scheduler.report([unknown, other]) == {}
    assert set(make.scheduler.report([unknown, ref])) == {ref.job_id}
    until(make, ref, is_final)


def test_a_job_id_under_another_name_is_not_ours(make: Maker) -> None:
    ref = make.scheduler.submit(make.job(0))
    until(make, ref, is_final)
    impostor = JobRef(key=JobKey("another-job"), job_id=ref.job_id, folder=ref.folder)
    assert make.scheduler.report([impostor]) == {}
    make.scheduler.cancel([impostor])


def test_partitions_have_different_names(make: Maker) -> None:
    names = [partition.name for partition in make.scheduler.partitions()]
    assert len(names) == len(set(names))


def test_the_jobs_of_the_account_are_known_newest_first(make: Maker) -> None:
    ended, waits = make.job(1), make.job(0, 0, is_array=True, waits=True)
    first = make.scheduler.submit(ended)
    until(make, first, is_final)
    second = make.scheduler.submit(waits)
    until(make, second, is_running)
    ids = [first.job_id, second.job_id]
    known = [job for job in make.scheduler.history() if job.job_id in ids]
    assert [(job.job_id, job.name, job.state) for job in known] == [
        (second.job_id, waits.key, JobState.RUNNING),
        (first.job_id, ended.key, JobState.FAILED),
    ]
    assert [job.folder for job in known] == [second.folder, first.folder]
    assert make.scheduler.history(jobs=ids) == known
    assert make.scheduler.history(jobs=[SlurmJobId(987654)]) == []
    assert make.scheduler.history(jobs=[]) == []
    assert {job.job_id for job in make.scheduler.history(since=datetime(2023, 1, 1, tzinfo=UTC))} >= set(ids)
    make.release(waits)
    until(make, second, is_final)


def test_the_load_names_our_jobs_while_they_have_not_ended(make: Maker) -> None:
    single, array = make.job(0, waits=True), make.job(0, 0, is_array=True)
    ref = make.scheduler.submit(single)
    until(make, ref, is_running)
    (own,) = [job for job in make.scheduler.load().jobs if job.name == single.key]
    assert (own.job_id, own.state, own.indices) == (ref.job_id, JobState.RUNNING, None)
    make.release(single)
    until(make, ref, is_final)
    until(make, make.scheduler.submit(array), is_final)
    assert {single.key, array.key}.isdisjoint(job.name for job in make.scheduler.load().jobs)


def test_the_load_has_every_partition(make: Maker) -> None:
    load = make.scheduler.load()
    assert [p.name for p in load.partitions] == [p.name for p in make.scheduler.partitions()]
    assert all(p.is_up and sum(p.nodes.values()) for p in load.partitions)


def test_the_size_of_arrays_is_a_number_or_not_limited(make: Maker) -> None:
    limit = make.scheduler.max_array_size()
    assert limit is None or limit > 1
