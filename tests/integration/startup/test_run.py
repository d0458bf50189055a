"""Both kinds of worker join a real grid, run scripts, and end with their node or their engine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services import grid_scripts
from services.grid_files import WORKER
from services.link import Link, Way
from services.omero_account import STARTUP, OmeroAccount
from services.omero_grid import OmeroGrid
from services.processes import descendants, free_ports, wait_until

pytestmark = pytest.mark.grid

FIXTURES = Path(__file__).parents[2] / "fixtures" / "startup"
BIOMERO = Path(sys.executable).with_name("biomero")
KINDS = {"internal": "99-run.sh", "external": "99-run-external.sh"}


@pytest.fixture(scope="module")
def master() -> Iterator[OmeroGrid]:
    """Return a grid that waits for its worker."""
    folder = Path(tempfile.mkdtemp(prefix="biomero-grid-"))
    folder.chmod(0o755)
    grid = OmeroGrid(folder, has_worker=False)
    try:
        grid.start()
        yield grid
    finally:
        grid.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Worker:
    """A worker that a start-up script runs."""

    def __init__(
        self, account: OmeroAccount, grid: OmeroGrid, kind: str, *, address: str = "localhost"
    ) -> None:
        self._account = account
        self._grid = grid
        self._kind = kind
        self._log = account.home / "worker.log"
        self.node_port, self.processor_port, self._http_port = free_ports(3)
        self._variables = {
            **dict([grid.mark.split("=", 1)]),
            "PATH": f"{grid.folder / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            "CONFIG_omero_master_host": "localhost",
            "OMERO_WORKER_NAME": WORKER,
            "OMERO_WORKER_HOST": "localhost",
            "OMERO_WORKER_ADDRESS": address,
            "OMERO_WORKER_BIND": "127.0.0.1",
            "OMERO_WORKER_PORT": str(self.node_port),
            "OMERO_PROCESSOR_PORT": str(self.processor_port),
            "OMERO_REGISTRY_PORT": str(grid.files.registry_port),
            "OMERO_ROUTER_PORT": str(grid.files.router_port),
            "BIOMERO_ENGINE": f"{BIOMERO} worker --http 127.0.0.1:{self._http_port}",
            "BIOMERO_STATE": str(account.home / "state"),
            "BIOMERO_SITE": "here",
        }
        self.pid = 0
        self.code: int | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        with self._account.running(KINDS[self._kind], self._log, self._variables) as process:
            self.pid = process.pid
            wait_until(lambda: len(self.children()) == 2, "node and engine run", timeout_s=60)
            yield
            self.code = process.wait(90)

    def children(self) -> dict[str, int]:
        found = {}
        for pid in descendants(self.pid):
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            for name, words in {"node": b"icegridnode\0", "engine": b"worker\0--http"}.items():
                if words in command:
                    found[name] = pid
        return found

    def is_healthy(self) -> bool:
        """Ask what the container's health check asks."""
        done = subprocess.run(
            (sys.executable, STARTUP / "lib" / "health.py"),
            env={
                "BIOMERO_HEALTH_ADDRESS": f"127.0.0.1:{self._http_port}",
                "OMERO_WORKER_KIND": self._kind,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or "does not come round" in done.stdout or "there is no" in done.stdout
        return done.returncode == 0

    def said(self) -> str:
        return self._log.read_text()

    def files(self) -> dict[str, str]:
        """Return what was written, with names for what differs from run to run."""
        names = {
            self.node_port: "node",
            self._grid.files.registry_port: "registry",
            self._grid.files.router_port: "router",
        }
        found = {}
        for file in (FIXTURES / self._kind).iterdir():
            text = (self._account.omero / "etc" / file.name).read_text()
            for port, name in names.items():
                text = text.replace(f"-p {port}", f"-p <{name} port>")
            found[file.name] = text
        return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_writes_its_files_and_runs_scripts(
    account: OmeroAccount, master: OmeroGrid, kind: str
) -> None:
    worker = Worker(account, master, kind)
    with worker.running():
        assert worker.files() == {f.name: f.read_text() for f in (FIXTURES / kind).iterdir()}
        wait_until(lambda: "Entering main loop" in log_of(account), "the processor", timeout_s=60)
        wait_until(worker.is_healthy, "the health check is content", timeout_s=60)
        with master.user() as user:
            run = user.start(user.upload("greets.py", grid_scripts.GREETS), n=7)
            assert run.wait() == 0
            assert run.results()["Message"] == "hello 7"
        processor = worker.children()["node"]
        os.kill(worker.pid, signal.SIGTERM)
    assert worker.code == 0
    assert not worker.is_healthy()
    assert "told to end" in worker.said()
    assert not Path(f"/proc/{processor}").exists()
    assert master.left_of_worker() == []


def test_a_worker_behind_nat_is_called_at_its_outer_address(account: OmeroAccount, master: OmeroGrid) -> None:
    outside = "127.0.0.2"  # nothing of the worker listens there
    worker = Worker(account, master, "external", address=outside)
    with (
        Link(worker.node_port, outside=(outside, worker.node_port)) as node,
        Link(worker.processor_port, outside=(outside, worker.processor_port)) as processor,
        worker.running(),
    ):
        wait_until(lambda: "Entering main loop" in log_of(account), "the processor", timeout_s=60)
        with master.user() as user:
            run = user.start(user.upload("greets.py", grid_scripts.GREETS), n=7)
            assert run.wait() == 0
        assert node.passed[Way.UP] > 0
        assert processor.passed[Way.UP] > 0
        os.kill(worker.pid, signal.SIGTERM)
    assert worker.code == 0


def log_of(account: OmeroAccount) -> str:
    log = account.omero / "var" / "log" / "Processor-0.log"
    return log.read_text(errors="replace") if log.exists() else ""


@pytest.mark.parametrize(
    ("killed", "says"), [("node", "the node has ended"), ("engine", "the engine has ended")]
)
def test_a_worker_ends_when_its_node_or_its_engine_does(
    account: OmeroAccount, master: OmeroGrid, killed: str, says: str
) -> None:
    worker = Worker(account, master, "internal")
    with worker.running():
        wait_until(lambda: "Entering main loop" in log_of(account), "the processor", timeout_s=60)
        os.kill(worker.children()[killed], signal.SIGKILL)
    assert worker.code == 137
    assert says in worker.said()
    wait_until(lambda: master.left_of_worker() == [], "nothing is left")
