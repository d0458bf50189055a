"""The checks of Slurm, on what a real one answered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from biomero.adapters.local.transfer import LocalTransfer
from biomero.adapters.slurm import administration as ask
from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.health import SlurmHealth
from biomero.adapters.slurm.partition_health import node_states
from biomero.application.doctor.examination import Examination
from biomero.application.doctor.examine import CLUSTER_CHECKS
from biomero.application.doctor.findings import Finding, Level
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.shell import CommandResult, SessionCounts
from biomero.application.settings import ClusterSettings, Settings, WorkflowSettings
from biomero.bootstrap import make_doctor
from biomero.domain.job import JobResources
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler
from unit.adapters.slurm.recorded import VERSIONS, recorded

CHECKS = {check.name: check.run for check in CLUSTER_CHECKS}


class Recording:
    """A login node that answers what a real one answered; what was not recorded fails."""

    counts = SessionCounts(logins=1, commands=0)

    def __init__(self, version: str, **others: str) -> None:
        names = {
            "version": (ask.version(), "sbatch-version"),
            "ping": (ask.ping(), "scontrol-ping"),
            "config": (ask.show_config(), "scontrol-limits"),
            "nodes": (node_states(), "sinfo-nodes"),
            "accounting": (ask.accounting(), ""),
            "associations": (ask.associations(), "sacctmgr-associations"),
        }
        self._answers: dict[tuple[str, ...], CommandResult] = {}
        for key, (command, usual) in names.items():
            self._answers[command.argv] = self._result(version, others.get(key, usual))

    @staticmethod
    def _result(version: str, name: str) -> CommandResult:
        text = recorded(version, name) if name else ""
        if name.endswith("unanswered"):
            return CommandResult(exit_status=1, stdout="", stderr=text)
        return CommandResult(exit_status=0, stdout=text, stderr="")

    def add(self, command: Command, *, refusal: str) -> None:
        self._answers[command.argv] = CommandResult(exit_status=1, stdout="", stderr=refusal)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",  # noqa: ARG002 - the port's signature
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        timeout_s: float = 60.0,  # noqa: ARG002
    ) -> CommandResult:
        return self._answers.get(tuple(argv), CommandResult(exit_status=0, stdout="", stderr=""))

    def close(self) -> None:
        pass


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def examination(tmp_path: Path, shell: Recording, *workflows: JobResources) -> Examination:
    """Return an examination whose cluster is the recording; jobs ask for the partition main."""

    def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
        return FakeContainerRuntime()

    main = JobResources(partition="main")
    cluster = ClusterSettings(name="lisa", ssh_host="lisa", resources=main)
    settings = Settings(
        state_folder=tmp_path,
        cache_folder=tmp_path,
        shipped_workflows=tmp_path,
        cluster=cluster,
        workflows={f"w{i}": WorkflowSettings(reference="x", resources=r) for i, r in enumerate(workflows)},
    )

    class Recorded:
        def open(self, settings: ClusterSettings) -> Cluster:
            return Cluster(
                settings=settings,
                shell=shell,
                transfer=LocalTransfer(),
                scheduler=FakeScheduler(),
                runtime=runtime,
                converter=FakeContainerRuntime(),
                health=SlurmHealth(shell),
            )

    tools = dataclasses.replace(make_doctor(settings), clusters=Recorded())
    return Examination(tools=tools, settings=cluster, job_timeout_s=10)


def run(examined: Examination, *checks: str) -> list[Finding]:
    return [finding for check in checks for finding in CHECKS[check](examined)]


def codes(findings: list[Finding], level: Level) -> list[tuple[str, str]]:
    return [(f.code, f.subject) for f in findings if f.level is level]


def test_a_healthy_slurm_is_well(tmp_path: Path, version: str) -> None:
    findings = run(
        examination(tmp_path, Recording(version)),
        *("slurm", "controller", "limits", "partitions", "accounting", "accounts", "test jobs"),
    )
    assert {f.level for f in findings} == {Level.OK}


def test_some_drained_nodes_are_a_warning_that_names_them(tmp_path: Path, version: str) -> None:
    shell = Recording(version, nodes="sinfo-nodes-broken")
    findings = run(examination(tmp_path, shell), "partitions")
    assert codes(findings, Level.PROBLEM) == []
    (warning,) = [f for f in findings if f.level is Level.WARNING]
    assert (warning.code, warning.message) == ("slurm.nodes", "rec-n1 drained (new floor)")


def test_jobs_for_a_sick_partition_are_not_judged(tmp_path: Path, version: str) -> None:
    gpu, gone = JobResources(partition="gpu"), JobResources(partition="gone")
    shell = Recording(version, nodes="sinfo-nodes-broken")
    findings = run(examination(tmp_path, shell, gpu, gone), "partitions", "test jobs")
    assert codes(findings, Level.PROBLEM) == [("slurm.partition", "gpu"), ("slurm.partition", "gone")]
    assert [f.subject for f in findings if f.code == "slurm.refused"] == ["workflow jobs"]


def test_a_job_that_slurm_would_refuse_is_named_by_its_kind(tmp_path: Path, version: str) -> None:
    shell = Recording(version)
    asked = JobResources(partition="main", memory_mb=999999)
    shell.add(ask.test_only(asked), refusal=recorded(version, "sbatch-test-only-memory"))
    findings = run(examination(tmp_path, shell, asked), "partitions", "test jobs")
    assert codes(findings, Level.PROBLEM) == [("slurm.refused", "jobs of w0")]


def test_without_a_controller_accounting_is_asked_all_the_same(tmp_path: Path, version: str) -> None:
    examined = examination(tmp_path, Recording(version, ping="scontrol-ping-down", config=""))
    findings = run(examined, "controller", "accounting", "accounts")
    assert codes(findings, Level.PROBLEM) == [("slurm.controller", "lisa")]
    assert ("slurm.accounting", "lisa") in codes(findings, Level.OK)


def test_accounting_that_does_not_answer_is_a_problem(tmp_path: Path, version: str) -> None:
    examined = examination(tmp_path, Recording(version, accounting="sacct-unanswered"))
    assert codes(run(examined, "accounting", "accounts"), Level.PROBLEM) == [("slurm.accounting", "lisa")]


def test_a_cluster_that_keeps_no_account_is_a_warning(tmp_path: Path, version: str) -> None:
    examined = examination(tmp_path, Recording(version, config="scontrol-limits-no-accounting"))
    findings = run(examined, "accounting", "accounts")
    assert codes(findings, Level.WARNING) == [("slurm.no-accounting", "lisa")]
    assert codes(findings, Level.PROBLEM) == []


@pytest.mark.parametrize(
    "wrong", [JobResources(account="nobody"), JobResources(qos="nope"), JobResources(account="NoBody")]
)
def test_an_account_or_qos_that_is_not_ours_is_named(
    tmp_path: Path, version: str, wrong: JobResources
) -> None:
    examined = examination(tmp_path, Recording(version), wrong)
    assert codes(run(examined, "accounting", "accounts"), Level.PROBLEM) == [("slurm.account", "jobs of w0")]
    assert [f.subject for f in run(examined, "test jobs")] == ["workflow jobs"]


@pytest.mark.parametrize("right", [JobResources(account="Imaging"), JobResources(qos="High")])
def test_names_of_accounts_are_compared_as_slurm_does(
    tmp_path: Path, version: str, right: JobResources
) -> None:
    examined = examination(tmp_path, Recording(version), right)
    assert codes(run(examined, "accounting", "accounts"), Level.PROBLEM) == []


def test_a_workflow_of_another_cluster_is_not_asked_for_here(tmp_path: Path, version: str) -> None:
    examined = examination(tmp_path, Recording(version), JobResources(partition="theirs"))
    workflows = examined.tools.settings.workflows
    there = {name: dataclasses.replace(workflow, cluster="bart") for name, workflow in workflows.items()}
    settings = dataclasses.replace(examined.tools.settings, workflows=there)
    examined.tools = dataclasses.replace(examined.tools, settings=settings)
    assert examined.partitions == ("main",)
    assert codes(run(examined, "partitions"), Level.PROBLEM) == []
