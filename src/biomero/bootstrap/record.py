"""Settings to the record of runs, its views and its queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from biomero.adapters.system import is_gone
from biomero.application.event_log import EventLog
from biomero.application.follow_behind import FollowBehind, LevelViews
from biomero.application.follow_record import RecordFollower
from biomero.application.no_tracking import NoOpWorkflowTracker
from biomero.application.ports.run_finder import RunFinder
from biomero.application.ports.run_queue import RunQueue
from biomero.application.run_record import RunRecord
from biomero.application.settings import (
    AnalyticsSettings,
    Settings,
)
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking, wanted_views

if TYPE_CHECKING:
    from sqlalchemy import URL


def open_record(settings: Settings) -> RunRecord:
    """Open the record of runs."""
    return RunRecord(open_tracker(settings))


def open_tracker(settings: Settings) -> WorkflowTracker:
    """Open what holds the events of runs."""
    tracking = open_tracking(settings.analytics, settings.state_folder)
    if isinstance(tracking.tracker, WorkflowTracker):
        return tracking.tracker
    # no views then; a run of our own is nothing without its record
    return _open_tracker(settings.analytics, settings.state_folder)


def open_tracking(
    settings: AnalyticsSettings, state_folder: Path, *, follow_every_s: float = 0.5
) -> Tracking:
    """Open what scripts track their runs with.

    Where tracking is off, nothing is opened, and every call does nothing.

    Parameters
    ----------
    follow_every_s
        How long views may lag behind; 0 for not at all, which makes every call wait for them.

    Raises
    ------
    ConfigurationError
        If the database's address is wrong, or its driver is missing.
    DatabaseUnavailableError
        If the database cannot be reached.
    """
    if not settings.track_workflows:
        return Tracking(NoOpWorkflowTracker())
    from biomero.adapters.persistence import event_store
    from biomero.adapters.persistence.engine import in_memory
    from biomero.adapters.persistence.view_store import SqlViewStore

    tracker = _open_tracker(settings, state_folder)
    assert isinstance(tracker.factory, event_store.Factory)  # noqa: S101 - tells the type checker
    store = SqlViewStore(tracker.factory)
    follower = RecordFollower(EventLog(tracker), store, wanted_views(settings))
    tracker.levellers.append(follower.catch_up)
    if follow_every_s == 0 or in_memory(tracker.factory.url):  # one connection, and one thread
        tracker.followers.append(follower.catch_up)
        return Tracking(tracker, store, follower)
    behind = FollowBehind(follower.catch_up, pause_s=follow_every_s)
    tracker.followers.append(behind.wake)
    tracker.closers.append(behind.close)
    return Tracking(tracker, LevelViews(store, behind.level), follower)


def make_queue(tracker: WorkflowTracker, *, lease_s: float | None = None) -> RunQueue:
    """Return the queue of runs in a tracker's database, on its connections; it ends with the tracker.

    Parameters
    ----------
    lease_s
        For how long a worker's sign of life holds; half a minute if not given.
    """
    from biomero.adapters.persistence.run_queue import LEASE_S, SqlRunQueue

    return SqlRunQueue(tracker, lease_s=LEASE_S if lease_s is None else lease_s, is_gone=is_gone)


def make_finder(tracker: WorkflowTracker) -> RunFinder:
    """Return what finds runs in a tracker's database, on its connections; it ends with the tracker."""
    from biomero.adapters.persistence import event_store
    from biomero.adapters.persistence.run_finder import SqlRunFinder
    from biomero.adapters.persistence.view_store import SqlViewStore
    from biomero.application.projections.run_jobs import RunJobsProjection
    from biomero.application.projections.runs import RunsProjection

    assert isinstance(tracker.factory, event_store.Factory)  # noqa: S101 - tells the type checker
    follow: Callable[[], object] = tracker.pull_and_process
    if not tracker.levellers:
        # nobody keeps views, where scripts do not track: these two are needed all the same
        store = SqlViewStore(tracker.factory)
        follow = RecordFollower(EventLog(tracker), store, [RunsProjection(), RunJobsProjection()]).catch_up
    return SqlRunFinder(tracker.factory, follow)


def sqlite_file(settings: Settings) -> Path | None:
    """Return the file that holds the record; ``None`` where a server does."""
    url = database_url(settings.analytics, settings.state_folder)
    is_file = url.get_backend_name() == "sqlite" and url.database
    return Path(str(url.database)).absolute() if is_file else None


def database_url(settings: AnalyticsSettings, state_folder: Path) -> URL:
    """Return the address of the database: what is set, or a file in the state folder, which is made."""
    from biomero.adapters.persistence.database_url import read_url, sqlite_url

    if settings.database_url is not None:
        return read_url(settings.database_url)
    state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return sqlite_url(state_folder / "biomero.sqlite")


def _open_tracker(settings: AnalyticsSettings, state_folder: Path) -> WorkflowTracker:
    from biomero.adapters.persistence import event_store

    url = database_url(settings, state_folder)
    return WorkflowTracker(
        {
            "PERSISTENCE_MODULE": event_store.__name__,
            "SQLALCHEMY_URL": url.render_as_string(hide_password=False),
        }
    )
