"""How the engine gets to what a run needs: its settings, and its cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from biomero.application.ports.clusters import Cluster
from biomero.application.ports.run_queue import Claim
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.ids import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWorld:
    """What the steps of a run work with."""

    services: Services
    cluster: Cluster


class Door(Protocol):
    """Opens clusters for runs, and for who watches them; safe between threads."""

    def open(self, claim: Claim, request: RunRequest) -> AbstractContextManager[RunWorld]:
        """Give what a run needs, for the step of a claim; nothing is connected to before it is used.

        Raises
        ------
        ConfigurationError
            If the settings do not have the run's cluster, or are wrong.
        ClusterError
            If the cluster is not to be gone to.
        """
        ...

    def watch(self, cluster: str) -> AbstractContextManager[Cluster]:
        """Give a cluster by its name in the queue, for one look; raises as `open`."""
        ...

    def forget(self, run_id: RunId) -> None:
        """Let go of what is kept for a run: it has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDoor:
    """Gives the one cluster that is open already, to runs of this cluster; see `Door`."""

    services: Services
    cluster: Cluster

    @contextmanager
    def open(self, claim: Claim, request: RunRequest) -> Iterator[RunWorld]:  # noqa: ARG002 - the port's signature
        """See `Door.open`."""
        yield RunWorld(services=self.services, cluster=self.cluster)

    @contextmanager
    def watch(self, cluster: str) -> Iterator[Cluster]:  # noqa: ARG002 - the port's signature
        """See `Door.watch`."""
        yield self.cluster

    def forget(self, run_id: RunId) -> None:
        """See `Door.forget`; nothing is kept."""
