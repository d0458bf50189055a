"""The queue of runs, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from biomero.application.ports.run_queue import RunQueue
from services.queues import OpenQueue, open_queue

Opener = Callable[..., OpenQueue]


@pytest.fixture
def opened(address: str, tmp_path: Path) -> Iterator[Opener]:
    """Return what opens the queue, as often as wanted; each time stands for another process."""
    open_ones: list[OpenQueue] = []

    def open_one(lease_s: float = 30.0) -> OpenQueue:
        open_ones.append(open_queue(address, tmp_path, lease_s=lease_s))
        return open_ones[-1]

    yield open_one
    for one in open_ones:
        one.close()


@pytest.fixture
def world(opened: Opener) -> OpenQueue:
    return opened()


@pytest.fixture
def queue(world: OpenQueue) -> RunQueue:
    return world.queue
