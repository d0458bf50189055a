"""Settings to a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from biomero.adapters.config import ConfigurationWatch
from biomero.adapters.system import only_one
from biomero.application.doctor.examine import examine
from biomero.application.doctor.findings import Finding
from biomero.application.engine.engine import Engine, EngineSettings, OnStep
from biomero.application.engine.worker_door import SettingsPlace, WorkerDoor
from biomero.application.event_log import EventLog
from biomero.application.notify import Notifications
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.notifier import Notifier
from biomero.application.ports.run_queue import Limits, Pool
from biomero.application.prepare_cluster import PreparedItem, PrepareListener, prepare_cluster
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, NotifySettings, Settings
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap import (
    ClusterDoor,
    make_doctor,
    make_services,
    open_catalogue,
    open_tracker,
    settings_for,
    sqlite_file,
)
from biomero.domain.run_status import RunStatus

_HERE = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What a worker is made of.

    Parameters
    ----------
    configuration
        The settings as they are now, or the last good ones and what is wrong.
    notifications
        What tells people of runs, with the settings of now.
    worlds
        The services for those who ask over the worker's socket.
    """

    engine: Engine
    services: Services
    door: WorkerDoor
    configuration: ConfigurationWatch
    notifications: Callable[[], Notifications]
    worlds: WorkerWorlds


@contextmanager
def open_worker(config: Path | None, *, on_step: OnStep) -> Iterator[WorkerParts]:
    """Put a worker together; it begins when its engine runs.

    Parameters
    ----------
    config
        A file of settings to read after the usual ones.
    on_step
        Hears of each step that ended; see `Engine`.

    Raises
    ------
    ConfigurationError
        If the settings are wrong.
    WorkerRunningError
        If the database is for one worker, and has one.
    DatabaseUnavailableError
        If the database cannot be reached.
    """
    watch = ConfigurationWatch(config, load=lambda: settings_for(config=config, cluster=_HERE))
    settings = watch.current()
    file = sqlite_file(settings)
    alone = (
        nullcontext()
        if file is None
        else only_one(file.with_name(f"{file.name}.worker"), what=f"a worker for {file}")
    )
    with alone:
        tracker = open_tracker(settings)
        services = make_services(settings, tracker=tracker)
        worlds = WorkerWorlds(watch, services, _SettingsAt(config))
        door = WorkerDoor(
            queue=services.queue,
            record=services.record,
            settings_at=worlds.settings_at,
            services_with=worlds.services_with,
            clusters=_ClustersNow(watch),
        )
        engine = Engine(
            services.queue,
            services.record,
            door,
            services.worker,
            services.clock,
            settings=_engine_settings(settings),
            on_step=on_step,
        )
        try:
            yield WorkerParts(
                engine=engine,
                services=services,
                door=door,
                configuration=watch,
                notifications=lambda: _notifications(watch.current().notify, tracker, services),
                worlds=worlds,
            )
        finally:
            door.hub.close()
            services.record.close()


class _SettingsAt:
    """The settings of runs, looked at anew whenever they are wanted.

    Parameters
    ----------
    config
        The file that the worker was given.
    """

    def __init__(self, config: Path | None) -> None:
        self.config = config
        self._lock = threading.Lock()
        self._watches: dict[SettingsPlace, ConfigurationWatch] = {}

    def __call__(self, place: SettingsPlace) -> Settings:
        with self._lock:
            known = self._watches.get(place)
        if known is None:
            file = place.config or self.config
            known = ConfigurationWatch(
                file,
                load=lambda: settings_for(config=file, cluster=place.cluster, ssh_config=place.ssh_config),
            )
            with self._lock:
                self._watches[place] = known
        return known.current()


@dataclass(frozen=True, slots=True)
class WorkerWorlds:
    """The services of a worker, with the settings that count for what is asked about.

    Parameters
    ----------
    watch
        The settings of now.
    """

    watch: ConfigurationWatch
    services: Services
    settings_at: _SettingsAt

    def now(self) -> Services:
        """Return the services with the settings of now."""
        return self.services_with(self.watch.current())

    def for_workflow(self, name: str) -> Services:
        """Return the services with the settings of a workflow, which may name its cluster."""
        return self.services_with(settings_for(config=self.settings_at.config, workflow=name))

    def for_run(self, request: RunRequest) -> Services:
        """Return the services with the settings of a run."""
        return self.services_with(self.settings_at(SettingsPlace.of(request)))

    def services_with(self, settings: Settings) -> Services:
        """Return the services with other settings; record, queue and OMERO stay the same."""
        return replace(
            self.services,
            settings=settings,
            workflows=open_catalogue(settings),
            clusters=ClusterDoor(settings, is_calm=True),
        )

    def examine(self) -> Sequence[Finding]:
        """Look at everything that can be seen in a moment, on this machine and on its clusters."""
        settings = self.watch.current()
        return list(examine(make_doctor(settings), _clusters(settings), quick=True))

    def prepare(self, listener: PrepareListener) -> Sequence[PreparedItem]:
        """Make all clusters ready for runs; raises `ClusterError` for one that cannot be reached."""
        settings = self.watch.current()
        items: list[PreparedItem] = []
        for one in _clusters(settings):
            services = self.services_with(replace(settings, cluster=one))
            with services.clusters.open(one) as cluster:
                items += prepare_cluster(cluster, services, listener=listener)
        return items


def _clusters(settings: Settings) -> list[ClusterSettings]:
    """Return every cluster; this machine where there is none."""
    return list(settings.clusters.values()) or [settings.cluster]


@dataclass(frozen=True, slots=True)
class _ClustersNow:
    """Opens clusters with the settings of now; see `Clusters`."""

    watch: ConfigurationWatch

    def open(self, settings: ClusterSettings) -> Cluster:
        """See `Clusters.open`."""
        return ClusterDoor(self.watch.current(), is_calm=True).open(settings)


def _engine_settings(settings: Settings) -> EngineSettings:
    own = settings.worker
    pools: Mapping[Pool, int] = {
        Pool.STAGE: own.max_exports,
        Pool.SUBMIT: own.max_submits,
        Pool.FETCH: own.max_fetches,
        Pool.DELIVER: own.max_deliveries,
    }
    limits = Limits(
        pools=pools,
        runs_per_cluster={n: c.max_runs for n, c in settings.clusters.items() if c.max_runs is not None},
        runs_per_requester=own.max_runs_per_user,
        conversions=own.max_conversions,
    )
    return EngineSettings(limits=limits, most_steps=sum(pools.values()))


def _notifications(settings: NotifySettings, tracker: WorkflowTracker, services: Services) -> Notifications:
    from biomero.adapters.notify import EmailNotifier, WebhookNotifier
    from biomero.adapters.persistence import event_store
    from biomero.adapters.persistence.outbox import SqlOutbox

    assert isinstance(tracker.factory, event_store.Factory)  # noqa: S101 - tells the type checker
    channels: dict[str, Notifier] = {}
    if settings.email is not None:
        channels["e-mail"] = EmailNotifier(settings.email)
    if settings.webhook is not None:
        channels["webhook"] = WebhookNotifier(settings.webhook)
    return Notifications(
        events=EventLog(tracker),
        record=RunRecord(tracker),
        outbox=SqlOutbox(tracker.factory),
        channels=channels,
        wanted=frozenset(RunStatus(name) for name in settings.on),
        clock=services.clock,
    )
