"""One word for the state of a job whose array tasks may each have another."""

from __future__ import annotations

from collections.abc import Sequence

from biomero.domain.job import JobState
from biomero.domain.run_events import Json

_LARGEST_ID = 2**31 - 1
"""What the documented column can hold."""


def slurm_job_id(value: object) -> int | None:
    """Return a job's id as a number; ``None`` for what older releases stored in its place."""
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if 0 < number <= _LARGEST_ID else None


def job_state(tasks: Sequence[Json]) -> JobState | None:
    """Return the state of a whole job: not ended before each of its tasks has, and then the worst of them."""
    states = [JobState[str(task["state"])] for task in tasks]
    waiting = [s for s in states if not s.is_final]
    if waiting:
        # a job of which some part has begun is running, whatever the others wait for
        if JobState.RUNNING in waiting or len(waiting) < len(states):
            return JobState.RUNNING
        return waiting[0]
    failed = [s for s in states if not s.is_success]
    return next(iter(failed or states), None)


def job_progress(tasks: Sequence[Json]) -> str | None:
    """Return how many array tasks have ended, in percent; a single job says nothing of its progress."""
    if len(tasks) < 2:  # noqa: PLR2004 - an array of one says nothing either
        return None
    ended = sum(JobState[str(task["state"])].is_final for task in tasks)
    return f"{100 * ended // len(tasks)}%"
