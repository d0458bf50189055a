"""Ports whose every call is counted, so that a process can die exactly before, within or after any."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, cast

from biomero.application.ports.clusters import Cluster

_WITHIN_S = 0.05


class Side(Enum):
    """When to die."""

    BEFORE = "before"
    WITHIN = "within"
    """A little after the call began, or right after it where it is quicker."""
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Point:
    """A call of a port: its name, and the how many-th of that name, from 1."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"{self.name}#{self.number}"

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read what `str` wrote."""
        name, _, number = text.rpartition("#")
        return cls(name, int(number))


@dataclass(frozen=True, slots=True)
class Death:
    """Where a process shall die.

    Parameters
    ----------
    run_id
        Only calls for this run count; empty for all.
    """

    point: Point
    side: Side
    run_id: str = ""

    def __str__(self) -> str:
        return f"{self.point}:{self.side.value}:{self.run_id}"

    @classmethod
    def parse(cls, text: str) -> Death:
        """Read what `str` wrote; the run may be left out."""
        point, side, *run_id = text.split(":")
        return cls(Point.parse(point), Side(side), *run_id)


class Calls:
    """Counts calls, writes them down, and kills this process where it is told to.

    Parameters
    ----------
    log
        Each call is a line of this file before it begins. It waits before it does anything as long as there
        is a file of its name beside that one, as `hold` says.
    """

    def __init__(self, log: Path, death: Death | None = None) -> None:
        self._log = log
        self._death = death
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Count a call for the length of a block."""
        with self._lock:
            self._counts[name] += 1
            point = Point(name, self._counts[name])
            with self._log.open("a") as file:
                file.write(f"{point}\n")
        while hold(self._log, name).exists():
            time.sleep(_WITHIN_S)
        side = self._death.side if self._death is not None and self._death.point == point else None
        if side is Side.BEFORE:
            die()
        if side is Side.WITHIN:
            threading.Thread(target=_die_soon, daemon=True).start()
        try:
            yield
        finally:
            if side is not None:
                die()


def hold(log: Path, name: str) -> Path:
    """Return the file that holds up all calls of a name, of the process whose calls stand in `log`."""
    return log.with_name(f"{log.name}.hold-{name}")


def counted(port: Any, name: str, calls: Calls) -> Any:
    """Return something that behaves as a port and counts the calls of its methods."""
    return _Counted(port, name, calls)


class Seams:
    """The same cluster, each of its ports counted; asked again for the same one, it gives the same again."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: list[tuple[Cluster, Cluster]] = []
        self._lock = threading.Lock()

    def cluster(self, cluster: Cluster) -> Cluster:
        """Return a counted cluster."""
        with self._lock:
            for plain, ours in self._known:
                if plain is cluster:
                    return ours
            ours = replace(
                cluster,
                shell=counted(cluster.shell, "shell", self._calls),
                transfer=counted(cluster.transfer, "transfer", self._calls),
                scheduler=counted(cluster.scheduler, "scheduler", self._calls),
                runtime=self._runtime(cluster),
                converter=counted(cluster.converter, "runtime", self._calls),
            )
            self._known.append((cluster, ours))
            return ours

    def _runtime(self, cluster: Cluster) -> Any:
        def choose(name: str, **given: Any) -> Any:
            return counted(cluster.runtime(name, **given), "runtime", self._calls)

        return choose


class _Counted:
    def __init__(self, port: Any, name: str, calls: Calls) -> None:
        self._port = port
        self._name = name
        self._calls = calls

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        if attribute.startswith("_") or not callable(found):
            return found
        return self._wrapped(cast("Callable[..., Any]", found), f"{self._name}.{attribute}")

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._wrapped(self._port, self._name)(*given, **named)

    def _wrapped(self, act: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            with self._calls.call(name):
                return act(*given, **named)

        return call


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # the signal is on its way


def _die_soon() -> None:
    time.sleep(_WITHIN_S)
    die()
