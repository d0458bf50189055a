from __future__ import annotations

import pytest

import biomero.errors
from biomero.domain.classify_failure import JobStep, classify_job, classify_task, failure_of
from biomero.domain.failure import FailureClass
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobReport, JobState, JobUsage, TaskReport
from biomero.errors import BiomeroError, DatabaseUnavailableError


def report(state: str, code: int | None = 0, signal: int | None = 0, reason: str = "") -> TaskReport:
    return TaskReport(index=None, state=JobState[state], exit_code=code, signal=signal, reason=reason)


@pytest.mark.parametrize(
    ("task", "expected", "said"),
    [
        (report("FAILED", 1), FailureClass.CONTAINER, "exit code 1"),
        (report("FAILED", 127, reason="NonZeroExitCode"), FailureClass.CONTAINER, "could not be found"),
        (report("FAILED", 126), FailureClass.CONTAINER, "could not be executed"),
        (report("FAILED", 0, 11), FailureClass.CONTAINER, "SIGSEGV"),
        (report("FAILED", 139), FailureClass.CONTAINER, "signal 11"),
        (report("OUT_OF_MEMORY", 0, 125), FailureClass.SCHEDULER, "OUT_OF_MEMORY"),
        (report("FAILED", 0, 125), FailureClass.SCHEDULER, "more memory"),
        (report("FAILED", 1, 0, reason="OutOfMemory"), FailureClass.SCHEDULER, "more memory"),
        (report("TIMEOUT"), FailureClass.SCHEDULER, "TIMEOUT"),
        (report("DEADLINE"), FailureClass.SCHEDULER, "DEADLINE"),
        (report("PREEMPTED"), FailureClass.SCHEDULER, "PREEMPTED"),
        (report("CANCELLED", 0, 15), FailureClass.SCHEDULER, "CANCELLED"),
        (report("REVOKED"), FailureClass.SCHEDULER, "REVOKED"),
        (report("NODE_FAIL", 1), FailureClass.NODE, "NODE_FAIL"),
        (report("BOOT_FAIL"), FailureClass.NODE, "BOOT_FAIL"),
        (report("LAUNCH_FAILED"), FailureClass.NODE, "LAUNCH_FAILED"),
        (report("RECONFIG_FAIL"), FailureClass.NODE, "RECONFIG_FAIL"),
        (report("FAILED", 1, reason="JobLaunchFailure"), FailureClass.NODE, "launched"),
        (report("FAILED", 0, 53), FailureClass.CONFIGURATION, "working folder"),
        (report("FAILED", 0, 9), FailureClass.SCHEDULER, "nobody says by whom"),
        (report("FAILED", 137), FailureClass.SCHEDULER, "killed (signal 9)"),
        (report("FAILED", 143), FailureClass.SCHEDULER, "signal 15"),
        (report("FAILED", None, None), FailureClass.SCHEDULER, "neither exit code nor signal"),
    ],
)
def test_how_a_job_ended_tells_who_has_to_act(task: TaskReport, expected: FailureClass, said: str) -> None:
    failure = classify_task(task, step=JobStep.WORKFLOW, log_tail=("boom",))
    assert failure.failure_class is expected
    assert said in failure.message
    assert failure.advice.endswith(".")
    assert (failure.slurm_state, failure.exit_code, failure.signal) == (
        task.state.text,
        task.exit_code,
        task.signal,
    )
    assert failure.log_tail == ("boom",)


@pytest.mark.parametrize(
    ("state", "option"),
    [("OUT_OF_MEMORY", "--mem"), ("TIMEOUT", "--time"), ("PREEMPTED", "--partition")],
)
def test_the_advice_names_the_option_that_helps(state: str, option: str) -> None:
    assert option in classify_task(report(state), step=JobStep.WORKFLOW).advice


@pytest.mark.parametrize("state", [s for s in JobState if s.is_final and not s.is_success])
def test_every_state_that_ends_a_job_badly_has_a_class(state: JobState) -> None:
    failure = classify_task(TaskReport(index=3, state=state, exit_code=1, signal=0), step=JobStep.CONVERSION)
    assert failure.failure_class is not FailureClass.BUG
    assert failure.message.startswith("Array task 3, the converter, ")
    assert state.text in failure.message


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.COMPLETED])
def test_a_task_that_has_not_failed_is_not_classified(state: JobState) -> None:
    with pytest.raises(ValueError, match="has not failed"):
        classify_task(TaskReport(index=None, state=state), step=JobStep.WORKFLOW)


def test_a_failed_node_is_named() -> None:
    task = TaskReport(index=None, state=JobState.NODE_FAIL, usage=JobUsage(node="n7"))
    assert "lost its compute node (n7)" in classify_task(task, step=JobStep.WORKFLOW).message


def test_an_array_tells_how_many_of_its_tasks_failed() -> None:
    well = TaskReport(index=0, state=JobState.COMPLETED, exit_code=0, signal=0)
    bad = TaskReport(index=1, state=JobState.OUT_OF_MEMORY, exit_code=0, signal=125)
    job = JobReport(job_id=SlurmJobId(4), tasks=(well, bad))
    failure = classify_job(job, step=JobStep.CONVERSION)
    assert failure is not None
    assert failure.message.startswith(
        "1 of 2 array tasks failed: Array task 1, the converter, used more memory"
    )
    assert classify_job(JobReport(job_id=SlurmJobId(4), tasks=(well,)), step=JobStep.CONVERSION) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ImageReadError", FailureClass.DATA),
        ("InputError", FailureClass.DATA),
        ("ImageWriteError", FailureClass.TRANSFER),
        ("ParameterError", FailureClass.PARAMETER),
        ("ConfigurationError", FailureClass.CONFIGURATION),
        ("DescriptorError", FailureClass.CONFIGURATION),
        ("ContainerImageError", FailureClass.CONFIGURATION),
        ("HostKeyError", FailureClass.CONFIGURATION),
        ("AuthenticationFailedError", FailureClass.CONFIGURATION),
        ("TransferError", FailureClass.TRANSFER),
        ("NoSpaceError", FailureClass.TRANSFER),
        ("RemotePermissionError", FailureClass.TRANSFER),
        ("UnsafePathError", FailureClass.TRANSFER),
        ("ConnectionFailedError", FailureClass.TRANSFER),
        ("RemoteTimeoutError", FailureClass.TRANSFER),
        ("SubmissionRejectedError", FailureClass.SCHEDULER),
        ("SchedulerUnavailableError", FailureClass.SCHEDULER),
        ("UnparsableOutputError", FailureClass.BUG),
    ],
)
def test_our_errors_have_their_class(name: str, expected: FailureClass) -> None:
    kind: type[BiomeroError] = getattr(biomero.errors, name)
    failure = failure_of(kind("what happened"))
    assert failure.failure_class is expected
    assert failure.message == "what happened"
    assert failure.advice


def test_a_full_disk_here_is_a_failed_transfer() -> None:
    assert failure_of(OSError(28, "No space left on device")).failure_class is FailureClass.TRANSFER
    assert failure_of(PermissionError(13, "Permission denied")).failure_class is FailureClass.TRANSFER


def test_a_database_that_is_away_is_no_bug() -> None:
    failure = failure_of(DatabaseUnavailableError("the record of runs cannot be used now"))
    assert failure.failure_class is FailureClass.TRANSFER
    assert "database" in failure.advice


def test_something_in_the_way_here_is_no_bug() -> None:
    failure = failure_of(FileExistsError(17, "File exists", "/results/labels"))
    assert failure.failure_class is FailureClass.TRANSFER
    assert "/results/labels" in failure.message


def test_what_nobody_foresaw_is_a_bug_and_names_its_class() -> None:
    failure = failure_of(KeyError("x"))
    assert failure.failure_class is FailureClass.BUG
    assert failure.message == "KeyError: 'x'"
