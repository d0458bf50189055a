"""The clusters that a worker has open: one of each, for all its runs and for as long as it lives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from biomero.application.ports.clusters import Cluster, Clusters
from biomero.application.ports.run_queue import Claim
from biomero.application.settings import ClusterSettings
from biomero.domain.ids import RunId
from biomero.errors import AuthenticationFailedError, BiomeroError, ClusterBarredError, HostKeyError

_LOG = logging.getLogger(__name__)

_MOST_REFUSED = 3
"""Clusters ban those who fail to log in too often."""


@dataclass(slots=True)
class _Opened:
    """A cluster that is open, and who needs it.

    Parameters
    ----------
    runs
        The runs that keep its settings, each with the token of the last claim that was for.
    """

    settings: ClusterSettings
    cluster: Cluster
    users: int = 0
    runs: dict[RunId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Bar:
    """Why nobody goes to a cluster any more, and with which settings that was."""

    reason: str
    settings: ClusterSettings


class ClusterHub:
    """Opens each cluster once and keeps it open; safe between threads.

    When a cluster's settings change, runs that have begun keep theirs as long as this process alone does
    their steps; new ones get the new ones, and so do those that another process had meanwhile, which may have
    paused them for a person to put the settings right. After three refused logins a cluster is barred:
    nothing goes there from this process until its settings change.

    Parameters
    ----------
    find
        The settings of a cluster by its name, as they are now.
    """

    def __init__(self, clusters: Clusters, find: Callable[[str], ClusterSettings]) -> None:
        self._clusters = clusters
        self._find = find
        self._lock = threading.Lock()
        self._opened: dict[str, list[_Opened]] = {}
        self._refused: dict[str, int] = {}
        self._bars: dict[str, _Bar] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def use(self, name: str, claim: Claim | None = None) -> Iterator[Cluster]:
        """Give a cluster for a while; what breaks its connection off meanwhile is its adapters' matter.

        Parameters
        ----------
        claim
            The claim that it is for, whose run keeps the settings that it began with.

        Raises
        ------
        ClusterBarredError
            If too many logins were refused.
        ConfigurationError
            If there is no such cluster.
        """
        opened = self._take(name, claim)
        try:
            yield opened.cluster
        except (AuthenticationFailedError, HostKeyError) as exc:
            self._note_refusal(name, opened.settings, exc)
            raise
        else:
            with self._lock:
                self._refused.pop(name, None)
        finally:
            self._give_back(name, opened)

    def forget(self, run_id: RunId) -> None:
        """Let go of the settings that a run began with: it has ended."""
        with self._lock:
            for opened in (d for doors in self._opened.values() for d in doors):
                opened.runs.pop(run_id, None)
            idle = [shut for name in list(self._opened) for shut in self._drop_unneeded(name)]
        _close(idle)

    def runs(self) -> frozenset[RunId]:
        """Return the runs whose settings are kept."""
        with self._lock:
            return frozenset(run_id for doors in self._opened.values() for d in doors for run_id in d.runs)

    def barred(self) -> Mapping[str, str]:
        """Return the clusters that nothing goes to, each with the reason."""
        with self._lock:
            return {name: bar.reason for name, bar in self._bars.items()}

    def close(self) -> None:
        """Log out everywhere; a further `use` opens anew."""
        with self._lock:
            opened = [door for doors in self._opened.values() for door in doors]
            self._opened.clear()
        _close(opened)

    def _take(self, name: str, claim: Claim | None) -> _Opened:
        now = self._find(name)
        with self._lock:
            self._check_bar(name, now)
            doors = self._opened.setdefault(name, [])
            own = None if claim is None else _own(doors, claim)
            opened = own or next((d for d in doors if d.settings == now), None)
            if opened is None:
                opened = _Opened(now, self._clusters.open(now))  # connects to nothing yet
                doors.append(opened)
            opened.users += 1
            if claim is not None:
                opened.runs[claim.run_id] = max(claim.token, opened.runs.get(claim.run_id, 0))
        return opened

    def _give_back(self, name: str, opened: _Opened) -> None:
        with self._lock:
            opened.users -= 1
            idle = self._drop_unneeded(name)
            if not opened.users and not any(d is opened for d in self._opened[name]):
                idle.append(opened)
        _close(idle)

    def _drop_unneeded(self, name: str) -> list[_Opened]:
        """Return what is to be closed: older settings' that nobody needs. The newest stays open."""
        doors = self._opened.get(name, [])
        idle = [d for d in doors[:-1] if not d.users and not d.runs]
        self._opened[name] = [d for d in doors if not any(d is other for other in idle)]
        return idle

    def _check_bar(self, name: str, now: ClusterSettings) -> None:
        bar = self._bars.get(name)
        if bar is None:
            return
        if bar.settings == now:
            raise ClusterBarredError(bar.reason)
        _LOG.info("the settings of %s have changed: it is tried again", name)
        del self._bars[name]

    def _note_refusal(self, name: str, settings: ClusterSettings, error: BiomeroError) -> None:
        with self._lock:
            self._refused[name] = self._refused.get(name, 0) + 1
            if self._refused[name] < _MOST_REFUSED or name in self._bars:
                return
            del self._refused[name]
            reason = (
                f"nothing goes to {settings.name} any more after {_MOST_REFUSED} refused logins, so that it "
                "does not ban this machine; put it right, then start the worker again or change its "
                f"settings. The last: {error}"
            )
            self._bars[name] = _Bar(reason, settings)
            # its connection counts refusals for itself, and would allow no more
            self._opened[name] = []
        _LOG.error("%s", reason)


def _own(doors: list[_Opened], claim: Claim) -> _Opened | None:
    """Return what a run keeps; where others had it since, it keeps nothing from now on."""
    own = next((d for d in doors if claim.run_id in d.runs), None)
    if own is not None and not claim.follows(own.runs[claim.run_id]):
        del own.runs[claim.run_id]
        return None
    return own


def _close(opened: list[_Opened]) -> None:
    for door in opened:
        door.cluster.shell.close()
