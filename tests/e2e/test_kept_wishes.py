"""A wish to cancel while the database is away takes effect when it is back."""

from __future__ import annotations

import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from services.command import THRESHOLD, User, image_file
from services.postgres import PostgresServer
from services.processes import wait_until
from services.worker_process import worker_process

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server of our own: nobody else's tests run on one that stops."""
    with tempfile.TemporaryDirectory(prefix="biomero-postgres-") as folder:
        made = PostgresServer(Path(folder))
        try:
            made.start()
            yield made
        finally:
            made.halt()


@pytest.fixture
def user(server: PostgresServer, tmp_path: Path) -> User:
    return User(home=tmp_path, variables={"SQLALCHEMY_URL": server.empty_database()})


def left_run(user: User) -> str:
    image = image_file(user.home / "cell.tif")
    left = user.biomero(
        *("run", THRESHOLD, image, "--out", user.home / "results"), "--detach", "--python", sys.executable
    )
    assert left.code == 0, left.stderr
    return left.stdout.strip()


def scripts_run(user: User) -> str:
    """Return a run that only a script drives, by the Python API."""
    settings = AnalyticsSettings(database_url=user.variables["SQLALCHEMY_URL"])
    tracking = open_tracking(settings, user.home, follow_every_s=0)
    run_id = tracking.tracker.initiate_workflow("a script's", "d", 1, 1)
    tracking.close()
    return str(run_id)


def wishes(user: User) -> list[Path]:
    return list((user.home / "state" / "wishes").glob("*"))


@pytest.mark.parametrize("options", [("--detach",), ("--json",)])
def test_a_wish_is_kept_until_a_worker_records_it(
    server: PostgresServer, user: User, options: tuple[str, ...]
) -> None:
    run_id = left_run(user)
    server.halt()
    told = user.biomero("runs", "cancel", run_id, *options)
    assert told.code == 3
    assert "the wish is kept" in told.stdout + told.stderr
    (file,) = wishes(user)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    server.resume()
    with worker_process(user):
        watched = user.biomero("runs", "watch", run_id, "--json")
    assert watched.document["status"] == "cancelled"
    assert wishes(user) == []


def test_a_wish_for_a_run_that_a_script_drives_keeps_no_worker_from_its_work(
    server: PostgresServer, user: User
) -> None:
    scripts, ours = scripts_run(user), left_run(user)
    server.halt()
    for run_id in (scripts, ours):
        assert user.biomero("runs", "cancel", run_id).code == 3
    server.resume()
    with worker_process(user) as worker:
        watched = user.biomero("runs", "watch", ours, "--json")
        wait_until(lambda: _is_ready(worker.address), "the worker is ready", timeout_s=60)
        assert worker.logged("is dropped: a script drives that run")
    assert watched.document["status"] == "cancelled"
    assert wishes(user) == []


def _is_ready(address: str) -> bool:
    return httpx.get(f"http://{address}/readyz").is_success


def test_the_next_command_records_it_too(server: PostgresServer, user: User) -> None:
    run_id = left_run(user)
    server.halt()
    for text in (run_id, "0123456789"):  # of the other one nobody can say now that there is none
        assert user.biomero("runs", "cancel", text).code == 3
    refused = user.biomero("runs", "cancel", "last")
    assert refused.code == 2
    assert "can be kept for a run's id only" in refused.stderr
    server.resume()
    resumed = user.biomero("runs", "resume", run_id, "--json")
    assert resumed.document["status"] == "cancelled"
    assert "there is no run 0123456789" in resumed.stderr
    assert wishes(user) == []
