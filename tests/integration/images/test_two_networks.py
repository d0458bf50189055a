"""A worker on another host, in two networks as in `deploy/compose.yaml`; OMERO is in one of them."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from services.grid_files import WORKER
from services.host import another_host
from services.omero_grid import OmeroGrid
from services.omero_image import build_worker
from services.podman import Podman
from services.processes import wait_until

pytestmark = [pytest.mark.grid, pytest.mark.podman, pytest.mark.timeout(1800)]


def test_a_worker_is_called_at_the_address_that_omero_reaches(podman: Podman) -> None:
    image = build_worker(podman)
    folder = Path(tempfile.mkdtemp(prefix="biomero-grid-"))
    with another_host() as host:
        master = OmeroGrid(folder, has_worker=False, host=host.ours)
        mark, _, value = master.mark.partition("=")
        variables = {
            mark: value,
            "CONFIG_omero_master_host": "omeroserver",
            "OMERO_WORKER_NAME": WORKER,
            "OMERO_REGISTRY_PORT": str(master.files.registry_port),
            "OMERO_ROUTER_PORT": str(master.files.router_port),
        }
        # the name has both addresses, and the wrong one stands first
        names = (f"omeroserver:{host.ours}", f"{WORKER}:{host.elsewhere}", f"{WORKER}:{host.address}")
        options = [f"--env={name}={value}" for name, value in variables.items()]
        options += [f"--add-host={name}" for name in names]
        try:
            master.start()
            with podman.container(image, options, network=f"ns:{host.namespace}") as worker:
                wait_until(worker.is_healthy, "it is healthy", timeout_s=180, every_s=1)
                wait_until(master.runs_a_script, "scripts run", timeout_s=60)
                assert master.processor_hosts() == {host.address}
                node = worker.do("cat", f"OMERO.server/etc/{WORKER}.cfg").stdout
                assert f"IceGrid.Node.Endpoints=tcp -h {host.address}\n" in node
        finally:
            master.stop()
            shutil.rmtree(folder, ignore_errors=True)
