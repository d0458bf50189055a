"""`deploy/Dockerfile.engine`: the engine without OMERO."""

from __future__ import annotations

import pytest

from services.omero_image import build_engine
from services.podman import podman_of_this_machine
from services.processes import free_ports, wait_until

pytestmark = [pytest.mark.podman, pytest.mark.timeout(1800)]


def test_the_engine_turns_healthy_without_omero_and_ends() -> None:
    podman = podman_of_this_machine()
    (http,) = free_ports(1)
    options = (
        *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"),
        *("--mount=type=tmpfs,destination=/tmp", f"--env=BIOMERO_HEALTH_ADDRESS=127.0.0.1:{http}"),
    )
    command = ("biomero", "worker", "--http", f"127.0.0.1:{http}")
    with podman.container(build_engine(podman), options, *command) as container:
        wait_until(container.is_healthy, "it is healthy", timeout_s=120, every_s=1)
        assert container.do("id", "-un").stdout == "biomero\n"
        assert "No module named 'omero'" in container.do("python", "-c", "import omero", must=False).stderr
        assert container.do("biomero", "workflows", "list").stdout
        container.tell_to_end()
        assert container.exit_code() == 0
