"""Which jobs there are."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from biomero.application.script_api.session import ScriptSession
from biomero.domain.job import JobState
from biomero.domain.look_back import days_before
from biomero.errors import ConfigurationError

Selection = Literal["active", "completed", "all"]


def list_jobs(session: ScriptSession, which: Selection) -> list[str]:
    """Return the numbers of the account's jobs, newest first; an array is one job.

    Parameters
    ----------
    which
        ``active`` jobs have not ended, ``completed`` ones ended well.

    Raises
    ------
    SchedulerUnavailableError, ConnectionFailedError, RemoteTimeoutError
        If the scheduler could not be asked.
    """
    # What has not ended is told in any case; the whole history would be asked for in vain.
    since = None if which == "active" else _begin(session)
    jobs = session.cluster.scheduler.history(since=since)
    return [str(job.job_id) for job in jobs if _is_wanted(job.state, which)]


def _is_wanted(state: JobState, which: Selection) -> bool:
    if which == "all":
        return True
    return state is JobState.COMPLETED if which == "completed" else not state.is_final


def _begin(session: ScriptSession) -> datetime:
    """Return from when on jobs are wanted: for the last days, or from a day on."""
    settings = session.cluster.settings
    if settings.accounting_days is not None:
        return days_before(session.clock.now(), settings.accounting_days)
    try:
        return datetime.strptime(settings.accounting_start, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as exc:
        raise ConfigurationError(
            f"sacct_start_time = {settings.accounting_start}: give a day as 2025-01-31"
        ) from exc
