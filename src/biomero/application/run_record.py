"""The append-only record of all runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError, OperationalError

from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import Json, WorkflowRun
from biomero.errors import UnknownRunError

_ATTEMPTS = 20
_SECTION = 500


class RunRecord:
    """Reads and changes runs; safe to share between processes.

    Parameters
    ----------
    env
        eventsourcing's settings: which database holds the events.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._application = _WorkflowTracker(env={"AGGREGATE_CACHE_MAXSIZE": "100", **env})

    def start(self, *, name: str, description: str, request: Json) -> RunId:
        """Record a new run and return its id."""
        run = WorkflowRun(name=name, description=description, user=None, group=None)
        run.accept(request)
        self._application.save(run)
        return run.run_id

    def get(self, run_id: RunId) -> WorkflowRun:
        """Return a run as its events tell.

        Raises
        ------
        UnknownRunError
            If there is no such run.
        """
        try:
            run: WorkflowRun = self._application.repository.get(UUID(run_id))
        except (AggregateNotFoundError, ValueError) as exc:
            raise UnknownRunError(f"there is no run {run_id}; `biomero runs list` shows all") from exc
        return run

    def change(self, run_id: RunId, decide: Callable[[WorkflowRun], None]) -> WorkflowRun:
        """Let `decide` call the run's methods, and store what it decided.

        If another process changed the run at the same time, the run is read again and `decide` is
        called again: nobody's change is lost.
        """
        for attempt in range(_ATTEMPTS):
            run = self.get(run_id)
            decide(run)
            if not run.pending_events:
                return run
            try:
                self._application.save(run)
            except (IntegrityError, OperationalError):
                if attempt == _ATTEMPTS - 1:
                    raise
                time.sleep(0.02 * (attempt + 1))
            else:
                return run
        raise AssertionError("unreachable: the last attempt returns or raises")

    def status_times(self, run_id: RunId) -> list[tuple[RunStatus, datetime]]:
        """Return the statuses that a run has had and when each began, oldest first."""
        moments: list[tuple[RunStatus, datetime]] = []
        for stored in self._application.events.get(UUID(run_id)):
            match stored:
                case WorkflowRun.StatusChanged():
                    moments.append((RunStatus(stored.status), stored.timestamp))
                case WorkflowRun.WorkflowCompleted():
                    moments.append((RunStatus.DONE, stored.timestamp))
                case WorkflowRun.WorkflowFailed():
                    moments.append((RunStatus.FAILED, stored.timestamp))
                case WorkflowRun.RunCancelled():
                    moments.append((RunStatus.CANCELLED, stored.timestamp))
                case WorkflowRun.RunPaused():
                    moments.append((RunStatus.PAUSED, stored.timestamp))
                case _:
                    pass
        return moments

    def ids(self) -> list[RunId]:
        """Return the ids of all runs, oldest first."""
        log = self._application.notification_log
        found: list[RunId] = []
        start = 1
        while True:
            section = log.select(start, _SECTION, topics=[WorkflowRun.WorkflowInitiated.TOPIC])
            found.extend(RunId(str(n.originator_id)) for n in section)
            if len(section) < _SECTION:
                return found
            start = section[-1].id + 1

    def find(self, text: str) -> RunId:
        """Return the run whose id starts with `text`, or the newest for ``last``.

        Raises
        ------
        UnknownRunError
            If there is none, or more than one.
        """
        ids = self.ids()
        if text == "last" and ids:
            return ids[-1]
        matching = [i for i in ids if text and i.startswith(text.lower())]
        if len(matching) == 1:
            return matching[0]
        if matching:
            raise UnknownRunError(f"{len(matching)} runs start with {text}: {', '.join(matching[:5])}")
        raise UnknownRunError(f"there is no run {text}; `biomero runs list` shows all")

    def close(self) -> None:
        """Close the database."""
        self._application.close()


class _WorkflowTracker(Application[UUID]):
    """The events' application; its name is part of the stored tables' names."""

    name = "WorkflowTracker"
    log_section_size = _SECTION
