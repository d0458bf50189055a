"""`deploy/Dockerfile` is built, started as `deploy/compose.yaml` says, and works in a real grid."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services import grid_scripts
from services.compose import options_of
from services.grid_files import WORKER
from services.omero_grid import OmeroGrid
from services.omero_image import build_worker
from services.podman import Container, Podman
from services.postgres import PostgresServer
from services.processes import free_ports, wait_until

pytestmark = [pytest.mark.grid, pytest.mark.podman, pytest.mark.postgres, pytest.mark.timeout(1800)]

OMERO_SERVER = 1000
"""The number of OMERO's account in its image."""
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture(scope="module")
def image(podman: Podman) -> str:
    return build_worker(podman)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return what an administrator has beside the compose file."""
    for folder, files in {
        "secrets": {"biomero_database_url": "postgresql://biomero:biomero@127.0.0.1/biomero"},
        "ssh": {"id_ed25519": KEY, "config": "Host slurm\n  User me\n"},
        ".": {"slurm-config-override.ini": "[SLURM]\nslurm_data_path = /from/the/override\n"},
    }.items():
        (tmp_path / folder).mkdir(exist_ok=True)
        for name, text in files.items():
            (tmp_path / folder / name).write_text(text)
    for path in (tmp_path / "ssh", *(tmp_path / "ssh").iterdir()):
        os.chown(path, OMERO_SERVER, OMERO_SERVER)
        path.chmod(0o700 if path.is_dir() else 0o600)
    return tmp_path


@pytest.fixture
def options(site: Path, master: OmeroGrid) -> list[str]:
    """Return how compose starts the worker, in this machine's network."""
    (http,) = free_ports(1)
    mark, _, value = master.mark.partition("=")
    return options_of(
        "compose.yaml",
        "biomeroworker",
        variables={
            mark: value,
            "CONFIG_omero_master_host": "localhost",
            "OMERO_WORKER_NAME": WORKER,
            "OMERO_WORKER_HOST": "localhost",
            "OMERO_REGISTRY_PORT": str(master.files.registry_port),
            "OMERO_ROUTER_PORT": str(master.files.router_port),
            "BIOMERO_ENGINE": f"biomero worker --http 127.0.0.1:{http}",
            "BIOMERO_HEALTH_ADDRESS": f"127.0.0.1:{http}",
            "BIOMERO_SITE": "here",
        },
        mounts={"/tmp/.ssh": site / "ssh", "/OMERO/slurm-config.ini": site / "slurm-config-override.ini"},
        secrets=site / "secrets",
    )


@pytest.fixture
def worker(
    podman: Podman, image: str, options: list[str], site: Path, postgres_server: PostgresServer
) -> Iterator[Container]:
    (site / "secrets" / "biomero_database_url").write_text(postgres_server.database())
    with podman.container(image, options) as container:
        yield container


def become_healthy(worker: Container) -> None:
    try:
        wait_until(worker.is_healthy, "it is healthy", timeout_s=180, every_s=1)
    except TimeoutError as exc:
        raise AssertionError(worker.said()) from exc


def findings(worker: Container) -> dict[str, dict[str, Any]]:
    done = worker.do("biomero", "doctor", "--json", must=False)
    return {finding["code"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_a_worker_in_a_container_turns_healthy_runs_scripts_and_ends(
    worker: Container, master: OmeroGrid
) -> None:
    become_healthy(worker)
    with master.user() as user:
        run = user.start(user.upload("tells.py", grid_scripts.TELLS))
        assert run.wait() == 0, run.results()
        seen = json.loads(run.results()["stdout"])
    assert seen["prefix"] == "/opt/biomero"
    assert seen["env"]["BIOMERO_SITE"] == "here"
    assert "SQLALCHEMY_URL" not in seen["env"]
    found = findings(worker)
    assert {code: found[code]["level"] for code in ("omero.grid", "omero.processor", "omero.script")} == {
        "omero.grid": "ok",
        "omero.processor": "ok",
        "omero.script": "ok",
    }
    assert found["omero.processor"]["message"] == f"scripts run in Processor-0 on {WORKER}, and nowhere else"
    assert found["ssh.keys"]["level"] == "ok"
    worker.tell_to_end()
    assert worker.exit_code() == 0
    assert "told to end" in worker.said()
    assert master.left_of_worker() == []


def test_what_is_mounted_is_in_its_place_and_nothing_else_can_be_written(worker: Container) -> None:
    become_healthy(worker)
    assert worker.do("id", "-un").stdout == "omero-server\n"
    said = worker.do("stat", "-c", "%a %n", ".ssh", ".ssh/id_ed25519", ".ssh/config").stdout
    assert said == "700 .ssh\n600 .ssh/id_ed25519\n600 .ssh/config\n"
    shown = worker.do("biomero", "config", "show").stdout
    assert "/from/the/override" in shown
    refused = worker.do("touch", "/opt/biomero/x", "/startup/x", "/etc/x", "/opt/omero/x", must=False)
    assert refused.stderr.count("Read-only file system") == 4
    assert worker.do("ls", "/startup").stdout.split() == [
        "10-mount-ssh.sh",
        "50-config.sh",
        "60-scripts.sh",
        "99-run-external.sh",
        "99-run.sh",
        "lib",
        "runProcessor.py",
        "templates",
    ]


def test_a_container_ends_when_its_node_does(worker: Container, master: OmeroGrid) -> None:
    become_healthy(worker)
    worker.do("pkill", "--signal", "KILL", "icegridnode")
    assert worker.exit_code() == 137
    assert "the node has ended" in worker.said()
    wait_until(lambda: master.left_of_worker() == [], "nothing is left")


def test_a_default_password_is_refused(podman: Podman, image: str, options: list[str]) -> None:
    with podman.container(image, options) as container:
        assert container.exit_code() == 1
        assert "the database of BIOMERO: the password is one that everybody knows" in container.said()
