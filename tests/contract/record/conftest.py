"""The record and its views, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking import WorkflowTracker
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking

Opener = Callable[..., Tracking]


@pytest.fixture
def opened(address: str, tmp_path: Path) -> Iterator[Opener]:
    """Return what opens the database, as often as wanted; each time stands for another process."""
    open_ones: list[Tracking] = []

    def open_one(**switches: object) -> Tracking:
        settings = AnalyticsSettings(database_url=address, **switches)  # type: ignore[arg-type] # the switches' own types
        open_ones.append(open_tracking(settings, tmp_path, follow_every_s=0))
        return open_ones[-1]

    yield open_one
    for tracking in open_ones:
        tracking.close()


@pytest.fixture
def tracking(opened: Opener) -> Tracking:
    return opened()


@pytest.fixture
def tracker(tracking: Tracking) -> WorkflowTracker:
    assert isinstance(tracking.tracker, WorkflowTracker)
    return tracking.tracker
