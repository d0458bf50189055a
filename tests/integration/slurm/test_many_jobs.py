"""Many jobs at once, and clusters that take no more of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest

from biomero.adapters.slurm.endings import endings, parse_endings
from biomero.adapters.slurm.squeue import parse_squeue, squeue
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobState
from biomero.errors import SchedulerBusyError, SubmissionRejectedError
from contract.scheduler_makers import SlurmMaker
from services.processes import wait_until
from services.slurm_lab import USER, SlurmLab

pytestmark = pytest.mark.slurm


@contextmanager
def most_jobs(lab: SlurmLab, count: int) -> Iterator[None]:
    """Let the account have so many jobs only."""
    modify = ["sacctmgr", "-i", "modify", "user", "where", f"name={USER}", "set"]
    lab.run_as_root([*modify, f"MaxSubmitJobs={count}"])
    try:
        yield
    finally:
        lab.run_as_root([*modify, "MaxSubmitJobs=-1"])


def is_over(make: SlurmMaker, ref: JobRef) -> bool:
    report = make.scheduler.report([ref]).get(ref.job_id)
    return report is not None and report.is_final


def test_all_jobs_of_the_account_are_asked_for_where_many_are_wanted(make: SlurmMaker) -> None:
    specs = [make.job(0, waits=True), make.job(0, 0, 0, is_array=True, waits=True), make.job(0, waits=True)]
    refs = [make.scheduler.submit(spec) for spec in specs]
    wanted = [ref.job_id for ref in refs[:2]]

    def rows(longest_list: int) -> set[tuple[int, JobState]]:
        done = make.shell.run((*squeue(wanted).argv[:-1], str(longest_list)), stdin=squeue(wanted).stdin)
        return {(row.job_id, row.state) for row in parse_squeue(done.stdout).rows}

    wait_until(
        lambda: rows(2000) == rows(0) == {(job_id, JobState.RUNNING) for job_id in wanted},
        "both ways say the same, and nothing of the job that nobody asked about",
    )
    for spec in specs:
        make.release(spec)
    for ref in refs:
        wait_until(partial(is_over, make, ref), "the job ends", timeout_s=60)


def test_thousands_of_jobs_are_asked_about_in_one_command(make: SlurmMaker) -> None:
    ref = make.scheduler.submit(make.job(0))
    others = [
        JobRef(key=JobKey(f"none-{i}"), job_id=SlurmJobId(1_000_000_000 + i), folder=ref.folder)
        for i in range(20_000)
    ]
    wait_until(lambda: is_over(make, ref), "the job ends", timeout_s=60)
    before = make.shell.counts.commands
    reports = make.scheduler.report([*others, ref])
    assert (set(reports), make.shell.counts.commands - before) == ({ref.job_id}, 2)
    assert reports[ref.job_id].is_success


def test_accounting_is_asked_about_jobs_in_several_lists(make: SlurmMaker) -> None:
    first, last = make.scheduler.submit(make.job(0)), make.scheduler.submit(make.job(3))
    for ref in (first, last):
        wait_until(partial(is_over, make, ref), "the job ends", timeout_s=60)
    between = [replace(first, job_id=SlurmJobId(900_000_000 + i)) for i in range(1500)]
    command = endings([first, *between, last])
    record = parse_endings(make.shell.run(command.argv, stdin=command.stdin, timeout_s=90).stdout)
    assert {row.job_id for row in record.account or ()} == {first.job_id, last.job_id}


def test_a_full_cluster_takes_the_same_job_later(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    first, second = make.job(0, waits=True), make.job(0)
    ref = make.scheduler.submit(first)
    with most_jobs(slurm_lab, 1):

        def is_full() -> bool:
            try:
                make.scheduler.submit(make.job(0))
            except SchedulerBusyError:
                return True
            return False

        wait_until(is_full, "the limit holds", timeout_s=60)
        with pytest.raises(SchedulerBusyError, match=r"takes no more jobs.*AssocMaxSubmitJobLimit"):
            make.scheduler.submit(second)
        make.release(first)
        wait_until(lambda: is_over(make, ref), "the first job ends", timeout_s=60)
        found: list[JobRef] = []

        def is_taken() -> bool:
            try:
                found.append(make.scheduler.submit(second))
            except SchedulerBusyError:
                return False
            return True

        wait_until(is_taken, "there is room again", timeout_s=60)
        wait_until(lambda: is_over(make, found[0]), "the second job ends", timeout_s=60)
    assert make.runs(second) == 1


def test_an_array_that_never_fits_is_refused(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    with most_jobs(slurm_lab, 2):

        def is_refused() -> bool:
            try:
                make.scheduler.submit(make.job(0, 0, 0, is_array=True))
            except SchedulerBusyError:  # jobs of other tests
                return False
            except SubmissionRejectedError as exc:
                return "does not take 3 array tasks at once" in str(exc)
            return False

        wait_until(is_refused, "the array is refused", timeout_s=60)


def test_an_array_is_throttled(make: SlurmMaker) -> None:
    spec = replace(make.job(*[0] * 4, is_array=True, waits=True), array_limit=1)
    ref = make.scheduler.submit(spec)

    def states() -> list[JobState]:
        report = make.scheduler.report([ref]).get(ref.job_id)
        return [task.state for task in report.tasks] if report else []

    wait_until(
        lambda: sorted(s.text for s in states()) == ["PENDING"] * 3 + ["RUNNING"], "one runs, three wait"
    )
    make.release(spec)
    wait_until(lambda: is_over(make, ref), "the array ends", timeout_s=90)
