"""Each fault of a real cluster is named, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from biomero.application.doctor.examine import examine
from biomero.application.doctor.findings import Finding, Level
from biomero.application.settings import (
    AnalyticsSettings,
    ClusterSettings,
    Settings,
    WorkflowSettings,
)
from biomero.bootstrap import make_doctor
from biomero.domain.job import JobResources
from services import faults
from services.command import REPOSITORY, User
from services.postgres import PostgresServer
from services.sif import pack
from services.slurm_lab import SlurmLab

pytestmark = [pytest.mark.slurm, pytest.mark.sshd, pytest.mark.apptainer, pytest.mark.slow]

IMAGE = "tiny_1.0.sif"
DESCRIPTOR = {
    "schema-version": "cytomine-0.1",
    "name": "tiny",
    "container-image": {"image": "lab/tiny:1.0", "type": "singularity"},
    "command-line": "python tiny.py",
    "inputs": [],
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Site:
    """A cluster where everything is as it should be, and the settings for it."""

    lab: SlurmLab
    folder: Path
    settings: Settings

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def image(self) -> Path:
        return self.folder / "images" / IMAGE

    @property
    def runtime(self) -> Path:
        return self.folder / "apptainer"

    def examine(self, settings: Settings | None = None) -> list[Finding]:
        asked = settings or self.settings
        return list(examine(make_doctor(asked), [asked.cluster], job_timeout_s=60))


@pytest.fixture(scope="module")
def site(
    slurm_lab: SlurmLab, apptainer: Path, tiny_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The cluster with runtime, image and folder for runs; they are removed after."""
    here = tmp_path_factory.mktemp("here")
    account = slurm_lab.home.stat()
    folder = slurm_lab.home / f"doctor-{slurm_lab.node_names[0]}"
    (folder / "images").mkdir(parents=True)
    (folder / "data").mkdir(mode=0o700)
    pack(apptainer, tiny_root, here / IMAGE, start=("/bin/tiny",))
    shutil.copy(here / IMAGE, folder / "images" / IMAGE)
    (folder / "apptainer").write_text(f'#!/bin/sh\nexec {apptainer} "$@"\n')
    (folder / "apptainer").chmod(0o755)
    for path in (folder, folder / "images", folder / "data"):
        shutil.chown(path, account.st_uid, account.st_gid)
    workflow = here / "tiny"
    workflow.mkdir()
    (workflow / "descriptor.json").write_text(json.dumps(DESCRIPTOR))
    settings = Settings(
        state_folder=here / "state",
        cache_folder=here / "cache",
        shipped_workflows=REPOSITORY / "workflows",
        cluster=ClusterSettings(
            name="lab",
            ssh_host=slurm_lab.alias,
            ssh_config=slurm_lab.ssh_config,
            data_path=str(folder / "data"),
            images_path=str(folder / "images"),
            container_executable=str(folder / "apptainer"),
            resources=JobResources(partition="main"),
        ),
        workflows={
            "tiny": WorkflowSettings(reference=str(workflow), resources=JobResources(partition="gpu"))
        },
    )
    yield Site(lab=slurm_lab, folder=folder, settings=settings)
    shutil.rmtree(folder, ignore_errors=True)


def problems(findings: list[Finding]) -> set[str]:
    return {finding.code for finding in findings if finding.level is Level.PROBLEM}


def test_on_a_healthy_cluster_there_is_no_problem(site: Site) -> None:
    findings = site.examine()
    assert [f for f in findings if f.level in {Level.PROBLEM, Level.SKIPPED}] == []
    assert {f.code for f in findings if f.level is Level.OK} >= {
        *("versions", "config", "state.space", "record", "ssh.login", "login.programs", "clock"),
        *("data.path", "data.space", "runtime", "image", "slurm.programs", "slurm.controller"),
        *("slurm.arrays", "slurm.partition", "slurm.accounting", "slurm.account", "slurm.refused"),
        *("node.data", "node.python", "node.space"),
    }
    nodes = {f.subject for f in findings if f.code == "node.data"}
    assert {subject.rpartition(" ")[2] for subject in nodes} == {"main", "gpu"}


def test_an_examination_leaves_nothing_behind(site: Site) -> None:
    site.examine()
    assert sorted(path.name for path in site.data.rglob("*")) == ["runs"]
    assert "biomero-doctor" not in site.lab.run_as_user(("squeue", "-h", "-o", "%j")).stdout.decode()


def test_one_examination_is_one_login(site: Site) -> None:
    tools = make_doctor(site.settings)
    cluster = tools.clusters.open(site.settings.cluster)

    class Opened:
        def open(self, settings: ClusterSettings) -> object:  # noqa: ARG002 - the port's signature
            return cluster

    list(examine(dataclasses.replace(tools, clusters=Opened()), [site.settings.cluster]))  # type: ignore[arg-type] # only `open` is used
    assert cluster.shell.counts.logins == 1


FAULTS: dict[str, tuple[Callable[[Site], AbstractContextManager[None]], str]] = {
    "sshd is down": (lambda s: faults.sshd_down(s.lab), "ssh.unreachable"),
    "the host key has changed": (lambda s: faults.changed_host_key(s.lab), "ssh.host-key"),
    "the controller is down": (lambda s: faults.controller_down(s.lab), "slurm.controller"),
    "every node of a partition is drained": (
        lambda s: faults.drained(s.lab, *s.lab.node_names[:-1]),
        "slurm.partition",
    ),
    "a partition is down": (lambda s: faults.partition_down(s.lab, "gpu"), "slurm.partition"),
    "accounting is down": (lambda s: faults.accounting_down(s.lab), "slurm.accounting"),
    "the folder for runs is read-only": (lambda s: faults.read_only(s.lab, s.data), "data.path"),
    "the disk is full": (lambda s: faults.full_disk(s.lab, s.data), "data.space"),
    "there is no container runtime": (lambda s: faults.away(s.runtime), "runtime"),
    "an image is missing": (lambda s: faults.away(s.image), "image"),
    "an image is damaged": (lambda s: faults.cut(s.image), "image.damaged"),
    "a clock is wrong": (lambda s: faults.fast_clock(s.lab), "clock"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_nothing_else_is(site: Site, fault: str) -> None:
    make, code = FAULTS[fault]
    with make(site):
        findings = site.examine()
    assert problems(findings) == {code}, findings
    assert all(f.remedy for f in findings if f.level is Level.PROBLEM)


def test_after_all_faults_the_cluster_is_healthy_again(site: Site) -> None:
    assert problems(site.examine()) == set()


def test_a_key_that_is_not_ours_is_named(site: Site, tmp_path: Path) -> None:
    other = site.lab.login_node.make_key("another_user_key")
    text = site.lab.ssh_config.read_text().replace(str(other.with_name("id_ed25519")), str(other))
    (tmp_path / "config").write_text(text)
    cluster = dataclasses.replace(site.settings.cluster, ssh_config=tmp_path / "config")
    findings = site.examine(dataclasses.replace(site.settings, cluster=cluster))
    assert problems(findings) == {"ssh.login"}, findings


@pytest.mark.postgres
def test_a_database_that_is_down_is_named_without_its_password(
    site: Site, postgres_server: PostgresServer
) -> None:
    analytics = AnalyticsSettings(database_url=postgres_server.empty_database())
    settings = dataclasses.replace(site.settings, analytics=analytics)
    assert problems(site.examine(settings)) == set()
    postgres_server.halt()
    try:
        findings = site.examine(settings)
    finally:
        postgres_server.resume()
    assert problems(findings) == {"record"}, findings
    assert postgres_server.password not in repr(findings)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"ssh_host": "no-such-alias"}, "ssh.alias"),
        ({"resources": JobResources(partition="nope")}, "slurm.partition"),
        ({"resources": JobResources(account="nobody")}, "slurm.account"),
        ({"resources": JobResources(memory_mb=10_000_000)}, "slurm.refused"),
        ({"prologue": ("no-such-command",)}, "node.job"),
    ],
)
def test_a_wrong_setting_is_named(site: Site, changed: dict[str, object], code: str) -> None:
    cluster = dataclasses.replace(site.settings.cluster, **changed)  # type: ignore[arg-type] # a table of fields
    settings = dataclasses.replace(site.settings, cluster=cluster, workflows={})
    findings = site.examine(settings)
    assert problems(findings) == {code}, findings


def test_what_is_not_seen_on_the_nodes_is_named(site: Site) -> None:
    # a disk of the login node alone, as the home folder of a node is not that of the login node
    hidden = 'mount -t tmpfs -o "mode=0700,uid=$2" none "$1"'
    uid = str(site.lab.home.stat().st_uid)
    site.lab.login_node.stop()
    try:
        site.lab.login_node.start(inside=site.lab.insulation.with_mounts(hidden, str(site.data), uid))
        findings = site.examine()
    finally:
        site.lab.login_node.stop()
        site.lab.login_node.start()
    assert problems(findings) == {"node.data"}, findings


def test_a_busy_cluster_is_no_problem(site: Site) -> None:
    hold = ("sbatch", "--parsable", "-p", "gpu", "--exclusive", "--mem=0", "--wrap", "sleep 100")
    job = site.lab.run_as_user(hold).stdout.decode().strip()
    try:
        tools = make_doctor(site.settings)
        findings = list(examine(tools, [site.settings.cluster], job_timeout_s=5))
    finally:
        site.lab.run_as_user(("scancel", job))
    assert problems(findings) == set(), findings
    (waits,) = [f for f in findings if f.code == "node.waits"]
    assert waits.level is Level.WARNING
    assert "did not start within 5 s" in waits.message


@pytest.mark.parametrize("fault", [None, "sshd is down"])
def test_the_command_says_it_by_table_json_and_exit_code(
    site: Site, tmp_path: Path, fault: str | None
) -> None:
    (tmp_path / "slurm-config.ini").write_text(
        f"[SLURM]\nslurm_data_path = {site.data}\ncontainer_executable = {site.runtime}\n"
    )
    way = ("--cluster", site.lab.alias, "--ssh-config", site.lab.ssh_config)
    words = (*way, "--config", tmp_path / "slurm-config.ini", "--quick")
    with FAULTS[fault][0](site) if fault else nullcontext():
        printed = User(home=tmp_path).here("doctor", *words)
        told = User(home=tmp_path).here("doctor", *words, "--json")
    assert printed.code == told.code == (1 if fault else 0), printed.stdout + told.stdout
    assert told.document["ok"] == (fault is None)
    found = [f["code"] for f in told.document["findings"] if f["level"] == "problem"]
    assert found == ([FAULTS[fault][1]] if fault else [])
    assert all(f["code"] in printed.stdout for f in told.document["findings"])
