"""How jobs stand, in the words that published scripts know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from biomero.application.script_api.job_notes import job_number, read_notes
from biomero.application.script_api.session import ScriptSession
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState

UNKNOWN = "UNKNOWN"
"""The state of a job that nobody knows: neither the queue, nor accounting, nor a file that it left."""

_LOOKS = 3
_PAUSE_S = 3.0
_WAITING = frozenset(
    {
        JobState.PENDING,
        JobState.POWER_UP_NODE,
        JobState.REQUEUED,
        JobState.REQUEUE_FED,
        JobState.REQUEUE_HOLD,
        JobState.RESV_DEL_HOLD,
        JobState.SPECIAL_EXIT,
    }
)


OnEnd = Callable[[JobRef, JobReport], object]
"""Is told of a job that has ended."""


def nobody_listens(job: JobRef, report: JobReport) -> None:
    """Take no notice."""


class JobStates(dict[int, str]):
    """States by the number of the job; the number may also be asked for as text."""

    def __missing__(self, key: object) -> str:
        if isinstance(key, str) and key.isdigit():
            return self[int(key)]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return super().__contains__(int(key) if isinstance(key, str) and key.isdigit() else key)

    def get(self, key: object, default: Any = None) -> Any:  # noqa: ANN401 - as a dictionary has it
        """Return the state of a job, or else `default`."""
        number = int(key) if isinstance(key, str) and key.isdigit() else key
        return super().get(number, default)  # type: ignore[call-overload] # whatever it is


def job_states(
    session: ScriptSession, job_ids: Sequence[int | str], *, on_end: OnEnd = nobody_listens
) -> JobStates:
    """Return how jobs stand; every job that was asked for is among them.

    A job that has not ended is ``PENDING`` or ``RUNNING``, whatever Slurm calls that moment: scripts give up
    on jobs whose state they do not know. An array is one job. A job that nobody knows, in several looks, is
    `UNKNOWN`.

    Parameters
    ----------
    on_end
        Called for jobs of ours that have ended, with what accounting says of them.

    Raises
    ------
    InputError
        If one of them is no number of a job.
    SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
        Nothing was learnt about any job.
    """
    asked = list(dict.fromkeys(job_number(job_id) for job_id in job_ids))
    states = JobStates()
    for look in range(_LOOKS):
        left = [job for job in asked if job not in states]
        if not left:
            break
        if look:
            session.clock.sleep(_PAUSE_S)
        states.update(_look(session, left, on_end))
    return JobStates({job: states.get(job, UNKNOWN) for job in asked})


def is_final(state: str) -> bool:
    """Say whether a job of this state, as `job_states` names it, has ended."""
    return state in JobState.__members__ and JobState[state].is_final


def word_for(state: JobState) -> str:
    """Return the word of published scripts for a state."""
    if state.is_final:
        return state.text
    return (JobState.PENDING if state in _WAITING else JobState.RUNNING).text


def _look(session: ScriptSession, jobs: Sequence[SlurmJobId], on_end: OnEnd) -> dict[int, str]:
    """Ask once: about jobs of ours by their key, about others by their number."""
    scheduler = session.cluster.scheduler
    notes = read_notes(session, jobs)
    reports = scheduler.report([note.ref for note in notes.values()])
    for note in notes.values():
        report = reports.get(note.ref.job_id)
        if report is not None and report.is_final:
            on_end(note.ref, report)
    found = {int(job): word_for(report.state) for job, report in reports.items() if report.state is not None}
    # Of what is noted but has no report, the number may be another's now.
    others = [job for job in jobs if job not in found and job not in notes]
    if others:
        found |= {int(job.job_id): word_for(job.state) for job in scheduler.history(jobs=others)}
    return found
