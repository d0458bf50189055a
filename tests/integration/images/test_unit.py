"""`deploy/omero-worker.service` under a real systemd, on a machine set up as the documentation says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.grid_files import WORKER
from services.omero_account import STARTUP
from services.omero_grid import OmeroGrid
from services.omero_image import build_machine
from services.podman import Container, Podman
from services.processes import free_ports, wait_until

pytestmark = [pytest.mark.grid, pytest.mark.podman, pytest.mark.timeout(1800)]


@pytest.fixture
def machine(podman: Podman, master: OmeroGrid, tmp_path: Path) -> Iterator[Container]:
    """Return a machine on which systemd runs."""
    (http,) = free_ports(1)
    settings = {
        "CONFIG_omero_master_host": "localhost",
        "OMERO_WORKER_NAME": WORKER,
        "OMERO_WORKER_HOST": "localhost",
        "OMERO_REGISTRY_PORT": master.files.registry_port,
        "OMERO_ROUTER_PORT": master.files.router_port,
        "BIOMERO_WORKER_HTTP": f"127.0.0.1:{http}",
    }
    lines = [master.mark, *(f"{name}={value}" for name, value in settings.items())]
    (tmp_path / "omero-worker.env").write_text("\n".join(lines) + "\n")
    mounts = {
        STARTUP: "/opt/biomero/startup",
        STARTUP.parent / "omero-worker.service": "/etc/systemd/system/omero-worker.service",
        tmp_path / "omero-worker.env": "/etc/biomero/omero-worker.env",
    }
    options = [f"--volume={here}:{there}:ro" for here, there in mounts.items()]
    with podman.container(
        build_machine(podman), ["--privileged", "--systemd=always", "--user=0", *options]
    ) as running:
        state = ("systemctl", "is-system-running")
        wait_until(lambda: running.do(*state, must=False).stdout == "running\n", "systemd runs")
        account = ("--system", "--home-dir=/var/lib/omero-worker", "--shell=/usr/sbin/nologin")
        running.do("useradd", *account, "omero-worker")
        yield running


def test_the_unit_starts_a_worker_again_and_leaves_nothing_when_it_stops(
    machine: Container, master: OmeroGrid
) -> None:
    machine.do("systemctl", "start", "omero-worker")
    wait_until(master.runs_a_script, "scripts run", timeout_s=120)
    machine.do("pkill", "--signal", "KILL", "icegridnode")
    restarts = ("systemctl", "show", "--property=NRestarts", "--value", "omero-worker")
    wait_until(lambda: machine.do(*restarts).stdout == "1\n", "it is started again")
    wait_until(master.runs_a_script, "scripts run again", timeout_s=120)
    machine.do("systemctl", "stop", "omero-worker")
    ended = machine.do("systemctl", "show", "--property=Result,ActiveState", "--value", "omero-worker").stdout
    assert set(ended.split()) == {"success", "inactive"}
    assert master.left_of_worker() == []
