"""What is delivered for containers names what is there, and no password."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = ("compose.yaml", "compose.external-worker.yaml")
DOCKERFILES = ("Dockerfile", "Dockerfile.engine")
WRITTEN_BY_THE_ADMINISTRATOR = {"./slurm-config-override.ini"}


def compose(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text())
    return loaded


@pytest.mark.parametrize("name", COMPOSE)
def test_secrets_are_files_and_no_variable_holds_one(name: str) -> None:
    loaded = compose(name)
    assert loaded["secrets"]
    assert all(set(secret) == {"file"} for secret in loaded["secrets"].values())
    for service in loaded["services"].values():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASS|SECRET|URL", variable, re.IGNORECASE):
                assert variable.endswith("_FILE")
                assert Path(value).name in service["secrets"]


@pytest.mark.parametrize("ignored", [*(f"deploy/{name}.dockerignore" for name in DOCKERFILES), ".gitignore"])
def test_what_an_administrator_writes_beside_compose_files_goes_nowhere(ignored: str) -> None:
    lines = [line.rstrip("/") for line in (DEPLOY.parent / ignored).read_text().splitlines()]
    # the last line that fits counts
    after = lines[lines.index("!deploy") + 1 :] if "!deploy" in lines else lines
    files = {Path(secret["file"]) for name in COMPOSE for secret in compose(name)["secrets"].values()}
    folders = {str("deploy" / file.parent) for file in files}
    assert {*folders, *(str("deploy" / Path(file)) for file in WRITTEN_BY_THE_ADMINISTRATOR)} <= set(after)


@pytest.mark.parametrize("name", COMPOSE)
def test_what_is_mounted_is_there(name: str) -> None:
    mounts = [m for service in compose(name)["services"].values() for m in service.get("volumes", ())]
    sources = {mount.partition(":")[0] for mount in mounts if mount.startswith("./")}
    assert [s for s in sources - WRITTEN_BY_THE_ADMINISTRATOR if not (DEPLOY / s).is_file()] == []


def test_the_master_has_one_processor_at_the_worker() -> None:
    services = compose("compose.yaml")["services"]
    described = services["omeroserver"]["environment"]["CONFIG_omero_server_nodedescriptors"]
    hosts = [node.partition(":")[0] for node in described.split() if "Processor-0" in node]
    assert hosts == [services["biomeroworker"]["environment"]["OMERO_WORKER_NAME"]]


@pytest.mark.parametrize("name", COMPOSE)
def test_workers_have_no_rights(name: str) -> None:
    for service in compose(name)["services"].values():
        if "build" in service:
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", COMPOSE)
def test_all_services_say_whether_they_are_well(name: str) -> None:
    for service in compose(name)["services"].values():
        # our own images bring theirs along
        assert "healthcheck" in service or "build" in service


@pytest.mark.parametrize("name", COMPOSE)
def test_all_services_come_back_after_the_machine_was_started_anew(name: str) -> None:
    assert {service.get("restart") for service in compose(name)["services"].values()} == {"unless-stopped"}


def test_databases_are_well_when_others_can_reach_them() -> None:
    checks = [
        service["healthcheck"]["test"][1]
        for service in compose("compose.yaml")["services"].values()
        if "postgres" in service.get("image", "")
    ]
    assert len(checks) == 2
    # the image's entry point sets a database up with a server that listens at a socket only
    assert all(check.startswith("pg_isready -h 127.0.0.1 ") for check in checks)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_images_are_made_of_what_is_there_and_run_as_an_ordinary_user(name: str) -> None:
    text = (DEPLOY / name).read_text()
    sources = re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE)
    assert [source for source in sources if not (DEPLOY.parent / source).exists()] == []
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE)[-1] != "root"
    assert "HEALTHCHECK" in text
    assert "ARG BIOMERO_VERSION" in text


def test_the_worker_finds_the_ice_of_omero_s_image_and_the_build_looks() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    (path,) = re.findall(r"^ENV PATH=(\S+)", text, re.MULTILINE)
    # ome/omero-server-docker: ENV PATH=$PATH:/opt/ice/bin
    assert path.split(":")[:2] == ["/opt/biomero/bin", "/opt/ice/bin"]
    assert text.rpartition("USER omero-server")[2].count("RUN icegridnode --version") == 1


def test_what_the_start_up_scripts_call_is_installed_on_rocky_linux(tmp_path: Path) -> None:
    packages = {"cmp": "diffutils", "find": "findutils", "awk": "gawk", "hostname": "hostname"}
    scripts = "".join(file.read_text() for file in (DEPLOY / "startup").rglob("*.sh"))
    assert [name for name in packages if not re.search(rf"\b{name}\b", scripts)] == []
    dnf = tmp_path / "dnf"
    dnf.write_text('#!/bin/sh\necho "$@"\n')
    dnf.chmod(0o755)
    done = subprocess.run(
        ("/bin/sh", DEPLOY / "packages.sh", "run"),
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    asked = done.stdout.splitlines()[0].split()
    assert asked[:2] == ["install", "-y"]
    assert {"openssh-clients", "procps-ng", *packages.values()} <= set(asked)


def test_scripts_work_on_disk_where_a_new_container_finds_what_a_killed_one_left() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    (folder,) = re.findall(r"\bOMERO_TMPDIR=(\S+)", text)
    (volumes,) = re.findall(r"^VOLUME (.+)", text, re.MULTILINE)
    assert any(Path(folder).is_relative_to(volume) for volume in json.loads(volumes))


def test_a_clone_on_windows_keeps_the_line_ends_of_what_runs_in_containers(tmp_path: Path) -> None:
    startup = (file for file in (DEPLOY / "startup").rglob("*") if file.is_file())
    files = [str(file.relative_to(DEPLOY.parent)) for file in startup]
    (tmp_path / ".gitattributes").write_text((DEPLOY.parent / ".gitattributes").read_text())

    def git(*words: str) -> str:
        done = subprocess.run(("git", *words), cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    git("init", "--quiet")
    said = git("check-attr", "eol", "--", *files)
    assert {line.rpartition(": ")[2] for line in said.splitlines()} == {"lf"}
