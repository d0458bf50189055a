"""Empty databases, and databases that the real BIOMERO 2.8.3 wrote, on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from biomero.application.settings import AnalyticsSettings
from biomero.application.tracking_services import Tracking
from biomero.bootstrap import open_tracking
from services import biomero_2
from services.histories import ODD, PLAIN
from services.postgres import PostgresServer

Opener = Callable[[str], Tracking]


@dataclass(frozen=True)
class OldStore:
    """A database as BIOMERO 2.8.3 left it."""

    url: str
    ids: dict[str, UUID]
    """The runs and tasks of the history, by name."""

    events: int


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OldStore:
    """Return the one database that all tests have copies of."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('old')}/biomero.sqlite"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.empty_database()
    answer = biomero_2.record(url, [*PLAIN, *ODD])
    return OldStore(url, {name: UUID(made) for name, made in answer["ids"].items()}, answer["events"])


@pytest.fixture
def old(written: OldStore, request: pytest.FixtureRequest, tmp_path: Path) -> OldStore:
    """Return a database of the test's own, as BIOMERO 2.8.3 left it."""
    return OldStore(another(written.url, request, tmp_path), written.ids, written.events)


def another(url: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """Return the address of a copy."""
    if url.startswith("sqlite"):
        source = Path(url.removeprefix("sqlite:///"))
        for part in source.parent.glob(f"{source.name}*"):
            shutil.copy(part, folder)
        return f"sqlite:///{folder}/{source.name}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.copy_of(url)


@pytest.fixture
def empty(written: OldStore, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database of the same kind, with nothing in it."""
    if written.url.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/empty.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.empty_database()


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Return what opens a database as we do."""
    open_ones: list[Tracking] = []

    def open_one(url: str) -> Tracking:
        settings = AnalyticsSettings(database_url=url)
        open_ones.append(open_tracking(settings, tmp_path, follow_every_s=0))
        return open_ones[-1]

    yield open_one
    for tracking in open_ones:
        tracking.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, once of SQLite and once of PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/record.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.empty_database()
