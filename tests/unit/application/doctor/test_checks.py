"""The checks, one by one, with a login node that is this machine."""

from __future__ import annotations

import dataclasses
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from biomero.adapters.containers.sif_store import SifStore
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.doctor.codes import Code
from biomero.application.doctor.containers import check_images, check_runtime
from biomero.application.doctor.data_folder import check_data_folder
from biomero.application.doctor.examination import Examination, Tools
from biomero.application.doctor.examine import CLUSTER_CHECKS, examine
from biomero.application.doctor.findings import Finding, Level
from biomero.application.doctor.login import check_login, check_programs, clock_finding
from biomero.application.ports.clusters import Cluster, Clusters
from biomero.application.ports.shell import CommandResult
from biomero.application.settings import ClusterSettings, Settings, WorkflowSettings
from biomero.bootstrap import make_doctor
from biomero.domain.job import JobResources
from biomero.errors import (
    AuthenticationFailedError,
    BiomeroError,
    ConfigurationError,
    ConnectionFailedError,
    HostKeyError,
    RemoteTimeoutError,
)
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler


def here(settings: ClusterSettings) -> Cluster:
    def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
        return FakeContainerRuntime()

    return Cluster(
        settings=settings,
        shell=LocalShell(),
        transfer=LocalTransfer(),
        scheduler=FakeScheduler(),
        runtime=runtime,
        converter=FakeContainerRuntime(),
        images=SifStore(shell=LocalShell()),
    )


class ThisMachine:
    """A login node that is this machine."""

    def open(self, settings: ClusterSettings) -> Cluster:
        return here(settings)


class ClosedAccount(LocalShell):
    """An account that lets everybody in, says so and runs nothing."""

    def run(
        self,
        argv: Sequence[str],  # noqa: ARG002 - the port's signature
        *,
        stdin: bytes = b"",  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        timeout_s: float = 60.0,  # noqa: ARG002
    ) -> CommandResult:
        return CommandResult(exit_status=0, stdout="no access\n", stderr="")


class Refused:
    """A cluster to which there is no way."""

    def __init__(self, error: BiomeroError) -> None:
        self.error = error

    def open(self, settings: ClusterSettings) -> Cluster:
        del settings
        raise self.error


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    workflow = tmp_path / "tiny"
    workflow.mkdir()
    descriptor = {
        "schema-version": "cytomine-0.1",
        "name": "tiny",
        "container-image": {"image": "lab/tiny:1.0", "type": "singularity"},
        "command-line": "python tiny.py",
        "inputs": [],
    }
    (workflow / "descriptor.json").write_text(json.dumps(descriptor))
    return Settings(
        state_folder=tmp_path / "state",
        cache_folder=tmp_path / "cache",
        shipped_workflows=tmp_path / "shipped",
        cluster=ClusterSettings(
            name="lisa",
            ssh_host="lisa",
            data_path=str(tmp_path / "my data"),
            images_path=str(tmp_path / "my images"),
            container_executable="/nowhere/apptainer",
        ),
        workflows={"tiny": WorkflowSettings(reference=str(workflow))},
    )


def tools_for(settings: Settings, clusters: Clusters | None = None) -> Tools:
    return dataclasses.replace(make_doctor(settings), clusters=clusters or ThisMachine())


def examination(settings: Settings) -> Examination:
    return Examination(tools=tools_for(settings), settings=settings.cluster, job_timeout_s=30)


def levels(findings: Iterator[Finding]) -> dict[str, Level]:
    return {finding.code: finding.level for finding in findings}


def sif(path: Path, *, length: int = 64) -> None:
    """Write a file that begins as SIF images do and says that it is `length` bytes longer than its header."""
    header = bytearray(128)
    header[32:41] = b"SIF_MAGIC"
    struct.pack_into("<QQ", header, 112, 128, 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(header) + bytes(length))


def test_a_folder_for_runs_is_made_and_judged(settings: Settings) -> None:
    found = examination(settings)
    said = levels(check_data_folder(found))
    assert said["data.path"] is Level.OK
    assert found.data_path == settings.cluster.data_path
    runs = Path(settings.cluster.data_path) / "runs"
    assert (runs.stat().st_mode & 0o777, list(runs.iterdir())) == (0o700, [])


def test_a_folder_that_others_may_read_is_a_warning(settings: Settings) -> None:
    runs = Path(settings.cluster.data_path) / "runs"
    runs.mkdir(parents=True)
    runs.chmod(0o755)
    assert levels(check_data_folder(examination(settings)))["data.permissions"] is Level.WARNING


def test_a_folder_that_cannot_be_made_is_a_problem(settings: Settings) -> None:
    Path(settings.cluster.data_path).write_text("a file")
    (finding,) = check_data_folder(examination(settings))
    assert (finding.code, finding.level) == ("data.path", Level.PROBLEM)
    assert "not a directory" in finding.message.lower() or "file exists" in finding.message.lower()


def test_a_login_is_one_only_if_commands_run(settings: Settings) -> None:
    examined = examination(settings)
    (well,) = check_login(examined)
    assert (well.code, well.level) == ("ssh.login", Level.OK)
    closed = dataclasses.replace(here(settings.cluster), shell=ClosedAccount())
    (finding,) = check_login(dataclasses.replace(examined, _cluster=closed))
    assert (finding.code, finding.level) == ("login.shell", Level.PROBLEM)
    assert "no access" in finding.message


def test_programs_and_clock_of_the_login_node(settings: Settings) -> None:
    said = levels(check_programs(examination(settings)))
    assert said == {"login.programs": Level.OK, "clock": Level.OK}


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("1000", Level.OK),
        ("1060", Level.OK),
        ("941", Level.OK),
        ("1063", Level.PROBLEM),
        ("900", Level.PROBLEM),
        ("", Level.WARNING),
        ("noon", Level.WARNING),
    ],
)
def test_clocks_may_differ_by_a_minute(text: str, level: Level) -> None:
    assert clock_finding("host", text, 1000.5, 1002.0).level is level


def test_a_runtime_that_is_not_there_is_a_problem_unless_only_jobs_need_it(settings: Settings) -> None:
    assert levels(check_runtime(examination(settings))) == {"runtime": Level.PROBLEM}
    pulls = dataclasses.replace(settings.cluster.pulls, as_job=True)
    in_jobs = dataclasses.replace(settings, cluster=dataclasses.replace(settings.cluster, pulls=pulls))
    assert levels(check_runtime(examination(in_jobs))) == {"runtime": Level.WARNING}


def test_where_nothing_runs_in_containers_nothing_of_them_is_asked(settings: Settings) -> None:
    without = dataclasses.replace(settings, workflows={})
    assert list(check_runtime(examination(without))) == []
    assert list(check_images(examination(without))) == []


@pytest.mark.parametrize("place", ["tiny_1.0.sif", "tiny/tiny_1.0.sif"])
def test_an_image_is_found_in_the_folder_and_below_it(settings: Settings, place: str) -> None:
    sif(Path(settings.cluster.images_path) / place)
    (finding,) = check_images(examination(settings))
    assert (finding.code, finding.level) == ("image", Level.OK)
    assert finding.message.endswith(place)


def test_of_a_missing_image_the_other_versions_are_told(settings: Settings) -> None:
    sif(Path(settings.cluster.images_path) / "tiny_0.9.sif")
    (finding,) = check_images(examination(settings))
    assert (finding.code, finding.level) == ("image", Level.PROBLEM)
    assert "tiny_1.0.sif" in finding.message
    assert "tiny_0.9.sif" in finding.message
    assert "biomero cluster prepare" in finding.remedy


def test_of_what_came_along_with_biomero_a_missing_image_is_only_a_warning(settings: Settings) -> None:
    tiny = dataclasses.replace(settings.workflows["tiny"], is_brought_along=True)
    (finding,) = check_images(examination(dataclasses.replace(settings, workflows={"tiny": tiny})))
    assert (finding.code, finding.level) == ("image", Level.WARNING)


def test_an_image_that_lost_its_end_is_damaged(settings: Settings) -> None:
    sif(Path(settings.cluster.images_path) / "tiny_1.0.sif", length=10)
    (finding,) = check_images(examination(settings))
    assert (finding.code, finding.level) == ("image.damaged", Level.PROBLEM)


def test_a_workflow_without_a_descriptor_is_a_warning(settings: Settings, tmp_path: Path) -> None:
    lost = {"tiny": WorkflowSettings(reference=str(tmp_path / "gone"))}
    (finding,) = check_images(examination(dataclasses.replace(settings, workflows=lost)))
    assert (finding.code, finding.level) == ("workflow.descriptor", Level.WARNING)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("no alias lisa"), "ssh.alias"),
        (HostKeyError("another key"), "ssh.host-key"),
        (AuthenticationFailedError("refused"), "ssh.login"),
        (ConnectionFailedError("no route"), "ssh.unreachable"),
        (RemoteTimeoutError("no answer"), "ssh.unreachable"),
    ],
)
def test_without_a_login_nothing_else_is_reported(settings: Settings, error: BiomeroError, code: str) -> None:
    findings = list(examine(tools_for(settings, Refused(error)), [settings.cluster]))
    assert [f.code for f in findings if f.level is Level.PROBLEM] == [code]
    skipped = [f for f in findings if f.level is Level.SKIPPED]
    assert len(skipped) == len(CLUSTER_CHECKS) - 1
    assert all(code in f.message for f in skipped)


def test_every_need_is_an_earlier_check() -> None:
    names: set[str] = set()
    for check in CLUSTER_CHECKS:
        assert set(check.needs) <= names
        names.add(check.name)


def test_kinds_of_jobs_that_ask_for_the_same_are_asked_about_once(settings: Settings) -> None:
    gpu = WorkflowSettings(reference="x", uses_gpu=True)
    several = dataclasses.replace(
        settings,
        workflows={"a": WorkflowSettings(reference="a"), "b": gpu},
        cluster=dataclasses.replace(settings.cluster, gpu=JobResources(partition="gpu", gpus="1")),
    )
    assert list(examination(several).job_kinds) == ["workflow jobs", "jobs of b"]
    assert examination(several).partitions == (None, "gpu")


def test_a_code_has_one_name_and_problems_have_a_remedy() -> None:
    names = [code.code for code in Code]
    assert len(names) == len(set(names))
    assert all(code.remedy for code in Code if code is not Code.VERSIONS)


def test_this_machine_alone_is_examined_with_a_job_of_its_own(tmp_path: Path) -> None:
    settings = Settings(
        state_folder=tmp_path / "state",
        cache_folder=tmp_path / "cache",
        shipped_workflows=tmp_path,
        cluster=ClusterSettings(data_path=str(tmp_path / "data")),
        warnings=("[SLURM] slurm_dta_path is not known",),
    )
    findings = list(examine(make_doctor(settings), [settings.cluster], job_timeout_s=60))
    assert [f for f in findings if f.level in {Level.PROBLEM, Level.SKIPPED}] == []
    assert "node.data" in {f.code for f in findings if f.level is Level.OK}
    assert [f.message for f in findings if f.code == "config"] == list(settings.warnings)
    assert [path.name for path in (tmp_path / "data").rglob("*")] == ["runs"]
