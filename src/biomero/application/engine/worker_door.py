"""How a worker gets to what any run needs: each run has its own settings, clusters are shared."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from biomero.application.engine.door import RunWorld
from biomero.application.engine.hub import ClusterHub
from biomero.application.ports.clusters import Cluster, Clusters
from biomero.application.ports.run_queue import Claim, RunQueue
from biomero.application.run_record import RunRecord
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, Settings
from biomero.domain.ids import RunId
from biomero.errors import BiomeroError, ConfigurationError

_LOG = logging.getLogger(__name__)
_HERE = "local"


@dataclass(frozen=True, slots=True)
class SettingsPlace:
    """Which settings a run has: a cluster of the usual files, or of files that were named for it."""

    cluster: str
    config: Path | None = None
    ssh_config: Path | None = None

    @classmethod
    def of(cls, request: RunRequest) -> SettingsPlace:
        """Return a run's."""
        return cls(request.cluster or _HERE, request.config, request.ssh_config)

    @property
    def key(self) -> str:
        """A name for it that can be read again; the cluster's own where no files are named."""
        if self.config is None and self.ssh_config is None:
            return self.cluster
        parts = (self.cluster, *(path and str(path) for path in (self.config, self.ssh_config)))
        return json.dumps(parts)

    @classmethod
    def read(cls, key: str) -> SettingsPlace:
        """Read what `key` says."""
        if not key.startswith("["):
            return cls(key)
        cluster, config, ssh_config = json.loads(key)
        return cls(cluster, config and Path(config), ssh_config and Path(ssh_config))


class WorkerDoor:
    """Opens clusters for all runs of a queue; see `Door`.

    Parameters
    ----------
    settings_at
        The settings of a place as they are now, or the last good ones.
    services_with
        The services with other settings.
    clusters
        Opens a cluster with the settings of now.
    look_every_s
        How often it lets go of what is kept for runs that came to an end, or to a pause, elsewhere.
    """

    def __init__(
        self,
        *,
        queue: RunQueue,
        record: RunRecord,
        settings_at: Callable[[SettingsPlace], Settings],
        services_with: Callable[[Settings], Services],
        clusters: Clusters,
        look_every_s: float = 600.0,
    ) -> None:
        self.hub = ClusterHub(clusters, self._find)
        self._queue = queue
        self._record = record
        self._settings_at = settings_at
        self._services_with = services_with
        self._lock = threading.Lock()
        self._places: dict[str, SettingsPlace] = {}
        self._services: dict[SettingsPlace, Services] = {}
        self._look_every_s = look_every_s
        self._looked_at = time.monotonic()

    @contextmanager
    def open(self, claim: Claim, request: RunRequest) -> Iterator[RunWorld]:
        """See `Door.open`."""
        self._forget_gone()
        place = SettingsPlace.of(request)
        services = self._services_at(place)
        with self._lock:
            self._places[place.cluster] = place
        with self.hub.use(place.key, claim) as cluster:
            yield RunWorld(services=services, cluster=cluster)

    @contextmanager
    def watch(self, cluster: str) -> Iterator[Cluster]:
        """See `Door.watch`."""
        with self.hub.use(self._place_of(cluster).key) as opened:
            yield opened

    def forget(self, run_id: RunId) -> None:
        """See `Door.forget`."""
        self.hub.forget(run_id)

    def _forget_gone(self) -> None:
        """Let go of what is kept for runs whose last step another worker did."""
        with self._lock:
            if time.monotonic() - self._looked_at < self._look_every_s:
                return
            self._looked_at = time.monotonic()
        kept = self.hub.runs()
        try:
            going = self._queue.still_going(kept)
        except BiomeroError as exc:
            _LOG.debug("what is kept for runs stays until the queue answers: %s", exc)
            return
        for run_id in kept - going:
            self.hub.forget(run_id)

    def barred(self) -> Mapping[str, str]:
        """Return the clusters that nothing goes to, by name, each with the reason."""
        return {SettingsPlace.read(key).cluster: reason for key, reason in self.hub.barred().items()}

    def _find(self, key: str) -> ClusterSettings:
        return self._settings_at(SettingsPlace.read(key)).cluster

    def _place_of(self, cluster: str) -> SettingsPlace:
        """Return where a cluster's settings are; a run that waits there knows, after a new start."""
        with self._lock:
            known = self._places.get(cluster)
        if known is not None:
            return known
        for waiting in self._queue.waiting(cluster):
            request = self._record.get(waiting.run_id).request
            if request:
                return SettingsPlace.of(RunRequest.from_json(request))
        raise ConfigurationError(f"no run that waits at {cluster} says where its settings are")

    def _services_at(self, place: SettingsPlace) -> Services:
        settings = self._settings_at(place)
        with self._lock:
            known = self._services.get(place)
            if known is None or known.settings is not settings:
                known = self._services[place] = self._services_with(settings)
        return known
