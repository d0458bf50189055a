"""What a caller gets that tracks runs: the tracker, and the views that follow it."""

from __future__ import annotations

from datetime import UTC, datetime

from biomero.application.follow_record import RecordFollower
from biomero.application.no_tracking import NoOpWorkflowTracker, NoViews
from biomero.application.ports.views import ViewQuestions
from biomero.application.projections.event_timeline import EventTimelineProjection
from biomero.application.projections.job_accounting import JobAccountingProjection
from biomero.application.projections.job_progress import JobProgressProjection
from biomero.application.projections.projection import Projection
from biomero.application.projections.run_jobs import RunJobsProjection
from biomero.application.projections.run_outputs import RunOutputsProjection
from biomero.application.projections.runs import RunsProjection
from biomero.application.projections.workflow_analytics import WorkflowAnalyticsProjection
from biomero.application.projections.workflow_progress import WorkflowProgressProjection
from biomero.application.settings import AnalyticsSettings
from biomero.application.tracked_views import JobAccounting, JobProgress, WorkflowAnalytics, WorkflowProgress
from biomero.application.tracking import WorkflowTracker
from biomero.domain.look_back import days_before
from biomero.errors import ConfigurationError


class Tracking:
    """The tracker, opened, and the documented questions to its views.

    Where a view is switched off, it is not kept up to date; what its table holds can still be asked.
    """

    def __init__(
        self,
        tracker: WorkflowTracker | NoOpWorkflowTracker,
        views: ViewQuestions | None = None,
        follower: RecordFollower | None = None,
    ) -> None:
        self.tracker = tracker
        self._follower = follower
        asked = NoViews() if views is None else views
        self.job_accounting = JobAccounting(asked, self.catch_up)
        self.job_progress = JobProgress(asked, self.catch_up)
        self.workflow_progress = WorkflowProgress(asked, self.catch_up)
        self.workflow_analytics = WorkflowAnalytics(asked, self.catch_up)

    def catch_up(self) -> None:
        """Bring the views up to date with everything that any process recorded.

        Raises
        ------
        RecordError
            If the database does not do its part.
        """
        if self._follower is not None:
            self._follower.catch_up()

    def rebuild(self, since: datetime | None = None) -> None:
        """Make the views anew; who reads them sees the old ones until the new ones are whole.

        Parameters
        ----------
        since
            Runs and tasks to which nothing happened since then are left out.

        Raises
        ------
        RecordError
            If the database does not do its part; the old views stay.
        """
        if self._follower is not None:
            self._follower.rebuild(since)

    def close(self) -> None:
        """Close the database's connections."""
        self.tracker.close()


def wanted_views(settings: AnalyticsSettings) -> list[Projection]:
    """Return our own views, and those of the documented ones that the settings ask for."""
    wanted: list[Projection] = [
        RunsProjection(),
        RunJobsProjection(),
        RunOutputsProjection(),
        EventTimelineProjection(),
    ]
    if settings.enable_job_accounting:
        wanted.append(JobAccountingProjection())
    if settings.enable_job_progress:
        wanted += [JobProgressProjection(), WorkflowProgressProjection()]
    if settings.enable_workflow_analytics:
        wanted.append(WorkflowAnalyticsProjection())
    return wanted


def rebuild_start(settings: AnalyticsSettings, *, now: datetime) -> datetime | None:
    """Return from when on views are rebuilt; ``None`` for everything.

    Raises
    ------
    ConfigurationError
        If the setting is no day.
    """
    if settings.rebuild_days_ago is not None:
        return days_before(now, settings.rebuild_days_ago)
    if settings.rebuild_start_time is None:
        return None
    try:
        start = datetime.fromisoformat(settings.rebuild_start_time)
    except ValueError as exc:
        raise ConfigurationError(
            f"analytics_rebuild_start_time: '{settings.rebuild_start_time}' is no day such as 2026-01-31"
        ) from exc
    return start if start.tzinfo is not None else start.replace(tzinfo=UTC)
