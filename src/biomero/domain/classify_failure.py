"""From what is known of a failed job, or of an exception, to who has to act and how."""

from __future__ import annotations

import enum
import errno
from collections.abc import Sequence
from dataclasses import replace

from biomero.domain.failure import Failure, FailureClass
from biomero.domain.job import JobReport, JobState, TaskReport
from biomero.domain.retry import PREFLIGHT_EXIT_CODE
from biomero.errors import (
    AuthenticationFailedError,
    BiomeroError,
    ConnectionFailedError,
    DatabaseUnavailableError,
    HostKeyError,
    ImageReadError,
    ImageWriteError,
    InputError,
    JobNotEndedError,
    NoSpaceError,
    OmeroError,
    OmeroLoginError,
    OmeroObjectError,
    OmeroPermissionError,
    ParameterError,
    RemoteCommandError,
    RemotePermissionError,
    RemoteTimeoutError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
    TransferError,
    UnparsableOutputError,
    UnsafePathError,
    UsageError,
)


class JobStep(enum.Enum):
    """What a job of ours was for."""

    CONVERSION = "conversion"
    WORKFLOW = "workflow"


_PROGRAM = {JobStep.CONVERSION: "the converter", JobStep.WORKFLOW: "the workflow's program"}

_MORE_MEMORY = "Ask for more memory: --mem, such as --mem 16G."
_MORE_TIME = "Ask for more time: --time, such as --time 4:00:00; or give each run fewer images."
_READ_THE_LOG = "Read the last log lines and the log below: what went wrong is what the program says there."
_CHECK_PROGRAM = "Check that the descriptor's command line names a program that is in the container image."
_TRY_AGAIN = "Run it again."

_BY_STATE: dict[JobState, tuple[FailureClass, str, str]] = {
    JobState.OUT_OF_MEMORY: (FailureClass.SCHEDULER, "used more memory than it had asked for", _MORE_MEMORY),
    JobState.TIMEOUT: (FailureClass.SCHEDULER, "did not end within its time limit", _MORE_TIME),
    JobState.DEADLINE: (FailureClass.SCHEDULER, "could not end before its deadline", _MORE_TIME),
    JobState.PREEMPTED: (
        FailureClass.SCHEDULER,
        "made way for a job of higher priority",
        "Run it again, or use a partition or QOS whose jobs are not preempted: --partition, --qos.",
    ),
    JobState.CANCELLED: (
        FailureClass.SCHEDULER,
        "was cancelled from outside of BIOMERO",
        "Ask who cancelled it (you, or the cluster's administrators), then run it again.",
    ),
    JobState.REVOKED: (
        FailureClass.SCHEDULER,
        "was taken over by another cluster of the federation",
        "Run it again, and tell the cluster's administrators if it happens twice.",
    ),
    JobState.NODE_FAIL: (FailureClass.NODE, "lost its compute node", _TRY_AGAIN),
    JobState.BOOT_FAIL: (FailureClass.NODE, "got a compute node that did not start", _TRY_AGAIN),
    JobState.LAUNCH_FAILED: (FailureClass.NODE, "could not be launched on its compute node", _TRY_AGAIN),
    JobState.RECONFIG_FAIL: (
        FailureClass.NODE,
        "got a compute node that could not be reconfigured",
        _TRY_AGAIN,
    ),
}
_NODE_ADVICE = (
    "Run it again; if the same node fails again, leave it out (--exclude) and tell the "
    "cluster's administrators."
)

# Slurm's own "signals" beyond the system's 64: 0:125 is what it gives for a job out of memory, 0:53
# for a log or working folder that cannot be opened on the node.
_SLURM_OUT_OF_MEMORY = 125
_SLURM_NO_FOLDER = 53

_KILLED = 9
_TERMINATED = 15
_CANNOT_EXECUTE, _NOT_FOUND = 126, 127
_SHELL_SIGNAL_BASE = 128
_LAST_SIGNAL = 64
_CRASHES = {4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 11: "SIGSEGV"}


def classify_task(task: TaskReport, *, step: JobStep, log_tail: Sequence[str] = ()) -> Failure:
    """Say why an array task, or a single job, failed.

    Parameters
    ----------
    log_tail
        The last lines of its log, kept as evidence; nothing is read out of them.

    Raises
    ------
    ValueError
        If the task has not failed.
    """
    if not task.state.is_final or task.state.is_success:
        raise ValueError(f"a task that is {task.state.text} has not failed")
    who = _who(task, step)
    failure_class, happened, advice = _judge(task)
    if failure_class is FailureClass.NODE:
        where = f" ({task.usage.node})" if task.usage.node else ""
        happened, advice = f"{happened}{where}", _NODE_ADVICE
    return Failure(
        failure_class=failure_class,
        message=f"{who} {happened} (Slurm: {_slurm_words(task)}).",
        advice=advice,
        slurm_state=task.state.text,
        slurm_reason=task.reason or None,
        exit_code=task.exit_code,
        signal=task.signal,
        log_tail=tuple(log_tail),
    )


def classify_job(report: JobReport, *, step: JobStep, log_tail: Sequence[str] = ()) -> Failure | None:
    """Say why a job failed; ``None`` if none of its tasks has.

    Of a job array, the first failed task tells; the message says how many others failed.
    """
    failed = report.failed_tasks
    if not failed:
        return None
    failure = classify_task(failed[0], step=step, log_tail=log_tail)
    if len(report.tasks) == 1:
        return failure
    return replace(
        failure, message=f"{len(failed)} of {len(report.tasks)} array tasks failed: {failure.message}"
    )


def _judge(task: TaskReport) -> tuple[FailureClass, str, str]:  # noqa: PLR0911 - a table of cases
    """Return class, what happened, and advice."""
    # Slurm spells reason and state alike in two words: OutOfMemory, OUT_OF_MEMORY.
    if task.signal == _SLURM_OUT_OF_MEMORY or task.reason == "OutOfMemory":
        return _BY_STATE[JobState.OUT_OF_MEMORY]
    if task.state in _BY_STATE:
        return _BY_STATE[task.state]
    if task.reason == "JobLaunchFailure":
        return _BY_STATE[JobState.LAUNCH_FAILED]
    if task.signal == _SLURM_NO_FOLDER:
        return (
            FailureClass.CONFIGURATION,
            "could not open its log or its working folder on the compute node",
            "Check that slurm_data_path is on a file system that compute nodes share with the login node.",
        )
    signal = task.signal or _signal_of_shell(task.exit_code)
    if signal:
        return _judge_signal(signal)
    if task.exit_code == PREFLIGHT_EXIT_CODE:
        return FailureClass.NODE, "found its compute node unfit before it began, as its log says", _TRY_AGAIN
    if task.exit_code in {_CANNOT_EXECUTE, _NOT_FOUND}:
        verb = "be executed" if task.exit_code == _CANNOT_EXECUTE else "be found"
        return FailureClass.CONTAINER, f"or something that it calls could not {verb}", _CHECK_PROGRAM
    if task.exit_code:
        return FailureClass.CONTAINER, f"ended with exit code {task.exit_code}", _READ_THE_LOG
    return (
        FailureClass.SCHEDULER,
        "failed, and Slurm says neither exit code nor signal",
        "Run it again; if it fails alike, ask the cluster's administrators with the job id.",
    )


def _judge_signal(signal: int) -> tuple[FailureClass, str, str]:
    if signal == _KILLED:
        return (
            FailureClass.SCHEDULER,
            "was killed (signal 9); nobody says by whom, most often it is for using too much memory",
            f"{_MORE_MEMORY} If that does not help, read the log: the program may have killed itself.",
        )
    if signal == _TERMINATED:
        return (
            FailureClass.SCHEDULER,
            "was told to end (signal 15), as at a time limit or when a node is taken away",
            "Run it again; if it happens again, ask for more time (--time) or ask the administrators.",
        )
    name = f"{_CRASHES[signal]}, " if signal in _CRASHES else ""
    return FailureClass.CONTAINER, f"crashed ({name}signal {signal})", _READ_THE_LOG


def _signal_of_shell(exit_code: int | None) -> int:
    """Return the signal that a shell reports as exit code 128 + signal; 0 for any other exit code."""
    signal = (exit_code or 0) - _SHELL_SIGNAL_BASE
    return signal if 0 < signal <= _LAST_SIGNAL else 0


def _who(task: TaskReport, step: JobStep) -> str:
    program = _PROGRAM[step]
    return program.capitalize() if task.index is None else f"Array task {task.index}, {program},"


def _slurm_words(task: TaskReport) -> str:
    words = [task.state.text]
    if task.reason and task.reason != "None":
        words.append(f"reason {task.reason}")
    if task.exit_code is not None:
        words.append(f"exit code {task.exit_code}:{task.signal or 0}")
    return ", ".join(words)


# The first class that fits tells: narrower ones stand above their bases.
_BY_ERROR: tuple[tuple[type[BaseException], FailureClass, str], ...] = (
    (
        ImageReadError,
        FailureClass.DATA,
        "Open the image in another program; if it is damaged there too, export it again at the microscope.",
    ),
    (InputError, FailureClass.DATA, "Correct the inputs that the message names."),
    (
        ImageWriteError,
        FailureClass.TRANSFER,
        "Make space, or get permission to write, at the place that the message names.",
    ),
    (
        ParameterError,
        FailureClass.PARAMETER,
        "Correct the parameter; `biomero workflows show` lists names, types and choices.",
    ),
    (
        HostKeyError,
        FailureClass.CONFIGURATION,
        "Check the host's key with the cluster's administrators, then put it in known_hosts.",
    ),
    (
        AuthenticationFailedError,
        FailureClass.CONFIGURATION,
        "Check user and key of the alias in ~/.ssh/config: `ssh ALIAS` has to log in without asking.",
    ),
    (UsageError, FailureClass.CONFIGURATION, "Correct what the message names."),
    (
        NoSpaceError,
        FailureClass.TRANSFER,
        "Make space or get more quota at the place that the message names, then run it again.",
    ),
    (
        RemotePermissionError,
        FailureClass.TRANSFER,
        "Get permission for the folder that the message names, or set another slurm_data_path.",
    ),
    (UnsafePathError, FailureClass.TRANSFER, "Rename the file that the message names."),
    (TransferError, FailureClass.TRANSFER, "Run it again; if it fails alike, check network and disk."),
    (
        ConnectionFailedError,
        FailureClass.TRANSFER,
        "Check network and login node (`ssh ALIAS`), then run it again.",
    ),
    (
        RemoteTimeoutError,
        FailureClass.TRANSFER,
        "The login node is slow or hangs: run it again later, and tell its administrators if it stays so.",
    ),
    (
        DatabaseUnavailableError,
        FailureClass.TRANSFER,
        "Check the database of runs and the way to it; runs go on when it is back.",
    ),
    (
        OmeroLoginError,
        FailureClass.OMERO,
        "Check user and password of [OMERO], and that the service account has the privilege Sudo.",
    ),
    (
        OmeroObjectError,
        FailureClass.OMERO,
        "Look in OMERO whether it is still there, and whether the user may still see it.",
    ),
    (
        OmeroPermissionError,
        FailureClass.OMERO,
        "Let an owner of the group give the permission that the message names.",
    ),
    (OmeroError, FailureClass.OMERO, "Check OMERO.server and the way to it."),
    (
        SubmissionRejectedError,
        FailureClass.SCHEDULER,
        "Change what the job asks for (--partition, --mem, --time, …) as the scheduler's message says.",
    ),
    (
        SchedulerUnavailableError,
        FailureClass.SCHEDULER,
        "Wait until the scheduler answers again (`sinfo` on the login node), then run it again.",
    ),
    (
        JobNotEndedError,
        FailureClass.SCHEDULER,
        "Nothing; it is told again. If it hangs, ask the cluster's administrators about the job's node.",
    ),
    (
        UnparsableOutputError,
        FailureClass.BUG,
        "Report it with the message: a program of this cluster speaks as BIOMERO does not know it.",
    ),
    (
        RemoteCommandError,
        FailureClass.BUG,
        "Read the message; if it does not help, report it: the cluster answered as BIOMERO did not expect.",
    ),
)
_NO_SPACE_HERE = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_PERMISSION_HERE = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY_HERE = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR})
_REPORT_IT = "This is a mistake in BIOMERO, not yours: report it with run.json and the log."


def failure_of(error: BaseException) -> Failure:
    """Say who has to act on an exception. What nobody foresaw is a bug, and says so."""
    text = str(error) or type(error).__name__
    for kind, failure_class, advice in _BY_ERROR:
        if isinstance(error, kind):
            return Failure(failure_class=failure_class, message=text, advice=advice)
    if isinstance(error, OSError) and error.errno in _NO_SPACE_HERE:
        return Failure(
            failure_class=FailureClass.TRANSFER, message=text, advice="Make space on this machine's disk."
        )
    if isinstance(error, OSError) and error.errno in _NO_PERMISSION_HERE:
        return Failure(
            failure_class=FailureClass.TRANSFER,
            message=text,
            advice="Get permission for the file or folder that the message names.",
        )
    if isinstance(error, OSError) and error.errno in _IN_THE_WAY_HERE:
        return Failure(
            failure_class=FailureClass.TRANSFER,
            message=text,
            advice="Move away what stands at the place that the message names: something else belongs there.",
        )
    named = text if isinstance(error, BiomeroError) else f"{type(error).__name__}: {text}"
    return Failure(failure_class=FailureClass.BUG, message=named, advice=_REPORT_IT)


def can_be_put_right(error: BaseException) -> bool:
    """Say whether who looks after account, cluster or machine can help, so that the same run succeeds."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE_HERE | _NO_PERMISSION_HERE:
        return True
    return isinstance(
        error,
        AuthenticationFailedError
        | HostKeyError
        | NoSpaceError
        | OmeroLoginError
        | OmeroPermissionError
        | RemotePermissionError,
    )
