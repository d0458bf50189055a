"""The append-only record of all runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from biomero.application.tracking import WorkflowTracker, record_errors
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError

_SECTION = 500


class RunRecord:
    """Reads and changes runs; safe to share between processes.

    Parameters
    ----------
    tracker
        Holds the events, and may be used beside the record; closed with it.
    """

    def __init__(self, tracker: WorkflowTracker) -> None:
        self.tracker = tracker

    def start(self, *, name: str, description: str, request: Json) -> RunId:
        """Record a new run and return its id."""
        run = WorkflowRun(name=name, description=description, user=None, group=None)
        run.accept(request)
        self.tracker.begin(run)
        return run.run_id

    def get(self, run_id: RunId, *, version: int | None = None) -> WorkflowRun:
        """Return a run as its events tell.

        Parameters
        ----------
        version
            As it was when it had so many events; as it is now without.

        Raises
        ------
        UnknownRunError
            If there is no such run.
        """
        if version is None:
            return self.tracker.load(WorkflowRun, run_id)
        with record_errors():
            found = self.tracker.repository.get(run_id, version=version)
        assert isinstance(found, WorkflowRun)  # noqa: S101 - events of runs alone lead here
        return found

    def change(self, run_id: RunId, decide: Callable[[WorkflowRun], object]) -> WorkflowRun:
        """Let `decide` call the run's methods, and store what it decided.

        If another process changed the run at the same time, the run is read again and `decide` is
        called again: nobody's change is lost.

        Raises
        ------
        UnknownRunError
            If there is no such run.
        RecordError
            If the database does not do its part, or others were quicker at every attempt.
        """
        return self.tracker.change(WorkflowRun, run_id, decide)

    def status_times(self, run_id: RunId) -> list[tuple[RunStatus, datetime]]:
        """Return the statuses that a run has had and when each began, oldest first."""
        moments: list[tuple[RunStatus, datetime]] = []
        with record_errors():
            events = list(self.tracker.events.get(UUID(run_id)))
        for stored in events:
            match stored:
                case WorkflowRun.StatusChanged() | WorkflowRun.RetryRequested():
                    moments.append((RunStatus(stored.status), stored.timestamp))
                case WorkflowRun.WorkflowCompleted():
                    moments.append((RunStatus.DONE, stored.timestamp))
                case WorkflowRun.WorkflowFailed():
                    moments.append((RunStatus.FAILED, stored.timestamp))
                case WorkflowRun.RunCancelled():
                    moments.append((RunStatus.CANCELLED, stored.timestamp))
                case WorkflowRun.RunPaused() | WorkflowRun.RunHeld():
                    moments.append((RunStatus.PAUSED, stored.timestamp))
                case _:
                    pass
        return moments

    def ids(self) -> list[RunId]:
        """Return the ids of all runs, oldest first."""
        recorder = self.tracker.recorder
        found: list[RunId] = []
        start = 1
        while True:
            with record_errors():
                section = recorder.select_notifications(
                    start, _SECTION, topics=[WorkflowRun.WorkflowInitiated.TOPIC]
                )
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
        self.tracker.close()
