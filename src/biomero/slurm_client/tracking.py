"""Documented calls around the record of runs and its views."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from biomero.adapters.system import SystemClock
from biomero.application.no_tracking import NoOpWorkflowTracker
from biomero.application.tracked_views import (
    FollowedView,
    JobAccounting,
    JobProgress,
    WorkflowAnalytics,
    WorkflowProgress,
)
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking, rebuild_start
from biomero.bootstrap import open_tracking
from biomero.errors import RecordError
from biomero.slurm_client.state import ClientState

logger = logging.getLogger("biomero.slurm_client")


class TrackingCalls(ClientState):
    """The tracker and what follows it; the database is opened when one of them is first used."""

    _opened_tracking: Tracking | None = None

    @property
    def workflowTracker(self) -> WorkflowTracker | NoOpWorkflowTracker:
        """What runs and tasks are recorded with; where nothing is tracked, its calls do nothing."""
        return self._tracking.tracker

    @property
    def jobAccounting(self) -> JobAccounting:
        """Whose jobs they are."""
        return self._tracking.job_accounting

    @property
    def jobProgress(self) -> JobProgress:
        """How far jobs are."""
        return self._tracking.job_progress

    @property
    def wfProgress(self) -> WorkflowProgress:
        """How far runs are."""
        return self._tracking.workflow_progress

    @property
    def workflowAnalytics(self) -> WorkflowAnalytics:
        """How often tasks were done, how long they took, and how they ended."""
        return self._tracking.workflow_analytics

    def initialize_analytics_system(self, reset_tables: bool = False) -> None:
        """Bring the views up to date that are wanted.

        Parameters
        ----------
        reset_tables
            Make them anew from the record, as far back as ``analytics_rebuild_…`` says. Who reads them
            sees the old ones until the new ones are whole.

        Raises
        ------
        RecordError
            If the database does not do its part.
        """
        if reset_tables:
            self._tracking.rebuild(rebuild_start(self._settings.analytics, now=SystemClock().now()))
        else:
            self._tracking.catch_up()

    def setup_listeners(self, runner: object, reset_tables: bool) -> None:
        """See `initialize_analytics_system`; views need no runner."""
        del runner
        self.initialize_analytics_system(reset_tables=reset_tables)

    def get_listeners(self, runner: object) -> list[FollowedView]:
        """Return the views that are wanted; they need no runner."""
        del runner
        wanted: list[FollowedView] = []
        if self.track_workflows and self.enable_job_accounting:
            wanted.append(self.jobAccounting)
        if self.track_workflows and self.enable_job_progress:
            wanted += [self.jobProgress, self.wfProgress]
        if self.track_workflows and self.enable_workflow_analytics:
            wanted.append(self.workflowAnalytics)
        return wanted

    def bring_listener_uptodate(self, listener: object, start: int = 1) -> None:
        """Bring the views up to date with what all processes recorded; each knows where it stands."""
        del listener, start
        self._tracking.catch_up()

    def close_tracking(self) -> None:
        """Close the database; a further use opens it again."""
        opened, self._opened_tracking = self._opened_tracking, None
        if opened is not None:
            opened.close()

    def _find_analytics_start_id(self) -> int:
        """Return the first event that a rebuild reads: views leave out old runs, not old events."""
        return 1

    @property
    def _tracking(self) -> Tracking:
        if self._opened_tracking is None:
            if self.config_only:
                return Tracking(NoOpWorkflowTracker())
            settings = self._settings
            self._opened_tracking = open_tracking(settings.analytics, settings.state_folder)
        return self._opened_tracking

    def _record(self, call: Callable[[], Any]) -> None:
        """Record something about work that goes on also where the record cannot be written."""
        try:
            call()
        except RecordError as exc:
            logger.error("the record misses something: %s", exc)  # noqa: TRY400 - the trace says nothing more
