"""Wait for the end of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from biomero.application.script_api.job_notes import job_number
from biomero.application.script_api.job_states import UNKNOWN, OnEnd, is_final, job_states, nobody_listens
from biomero.application.script_api.read_logs import job_progress
from biomero.application.script_api.session import ScriptSession
from biomero.errors import ClusterError

_LONGEST_PAUSE_S = 60.0
_GROWTH = 1.5
_UNKNOWN_LOOKS = 5
"""After so many looks in a row, a job that nobody knows is lost; each of them is several (`job_states`)."""
_LONGEST_SILENCE_S = 3600.0
"""After so long without an answer of the cluster somebody has to look; the job itself goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLook:
    """What was seen of a job: its state and progress, or that the cluster did not answer."""

    state: str | None
    progress: str | None = None
    problem: str = ""


def wait_for_job(
    session: ScriptSession,
    job_id: int | str,
    *,
    on_look: Callable[[JobLook], None] = lambda look: None,  # noqa: ARG005 - nobody listens
    on_end: OnEnd = nobody_listens,
    interval_s: float = 10.0,
) -> str:
    """Wait until a job has ended, and return its state.

    Every final state of Slurm is an end. A cluster that cannot be reached for a while says nothing about the
    job: it is asked again, ever less often.

    Parameters
    ----------
    on_look
        Called after each look, also where the cluster did not answer: keeps sessions alive, records changes.
    on_end
        See `job_states`.
    interval_s
        Between looks, while the cluster answers.

    Returns
    -------
    str
        The state; ``UNKNOWN`` if nobody knows the job any more.

    Raises
    ------
    ClusterError
        If asking failed for good, or for an hour on end.
    """
    number = job_number(job_id)
    unknown, silence, pause = 0, 0.0, interval_s
    while True:
        try:
            state = job_states(session, [number], on_end=on_end)[number]
            progress = job_progress(session, number)
        except ClusterError as exc:
            if not exc.transient or silence >= _LONGEST_SILENCE_S:
                raise
            on_look(JobLook(state=None, problem=str(exc)))
            silence += pause
            session.clock.sleep(pause)
            pause = min(pause * _GROWTH, max(_LONGEST_PAUSE_S, interval_s))
            continue
        silence, pause = 0.0, interval_s
        on_look(JobLook(state=state, progress=progress))
        unknown = unknown + 1 if state == UNKNOWN else 0
        if is_final(state) or unknown >= _UNKNOWN_LOOKS:
            return state
        session.clock.sleep(interval_s)
