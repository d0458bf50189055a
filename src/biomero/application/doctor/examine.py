"""The order of the checks, and which are spared because an earlier one failed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from biomero.application.doctor import compute_node, containers, data_folder, login, machine, slurm
from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Examination, Tools
from biomero.application.doctor.findings import Finding, Level, Place
from biomero.application.doctor.omero import check_omero
from biomero.application.settings import ClusterSettings
from biomero.errors import BiomeroError, ConnectionFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check of a cluster.

    Parameters
    ----------
    needs
        The names of checks without which this one would say nothing new.
    is_slow
        It waits for jobs, or for a code host.
    """

    name: str
    place: Place
    run: Callable[[Examination], Iterator[Finding]]
    needs: tuple[str, ...] = ("login",)
    is_slow: bool = False


MACHINE_CHECKS: tuple[Callable[[Tools], Iterator[Finding]], ...] = (
    machine.check_versions,
    machine.check_configuration,
    machine.check_state_folder,
    machine.check_record,
    machine.check_keys,
)

CLUSTER_CHECKS = (
    Check(name="login", place=Place.SSH, run=login.check_login, needs=()),
    Check(name="login node", place=Place.LOGIN_NODE, run=login.check_programs),
    Check(name="data folder", place=Place.LOGIN_NODE, run=data_folder.check_data_folder),
    Check(name="container runtime", place=Place.LOGIN_NODE, run=containers.check_runtime),
    Check(name="images", place=Place.LOGIN_NODE, run=containers.check_images, is_slow=True),
    Check(name="slurm", place=Place.SLURM, run=slurm.check_programs),
    Check(name="controller", place=Place.SLURM, run=slurm.check_controller, needs=("slurm",)),
    Check(name="limits", place=Place.SLURM, run=slurm.check_limits, needs=("controller",)),
    Check(name="partitions", place=Place.SLURM, run=slurm.check_partitions, needs=("controller",)),
    Check(name="accounting", place=Place.SLURM, run=slurm.check_accounting, needs=("slurm",)),
    Check(name="accounts", place=Place.SLURM, run=slurm.check_accounts, needs=("slurm",)),
    Check(name="test jobs", place=Place.SLURM, run=slurm.check_jobs, needs=("controller",)),
    Check(
        name="compute nodes",
        place=Place.COMPUTE_NODE,
        run=compute_node.check_compute_nodes,
        needs=("data folder", "controller", "accounts", "test jobs"),
        is_slow=True,
    ),
)
"""In the order of the way from here to a job."""


def examine(
    tools: Tools, clusters: Iterable[ClusterSettings], *, quick: bool = False, job_timeout_s: float = 120.0
) -> Iterator[Finding]:
    """Examine this machine and clusters; findings come as they are found.

    Parameters
    ----------
    quick
        Leave out what waits for jobs, code hosts and scripts of OMERO.
    job_timeout_s
        How long to wait for the small jobs that look at compute nodes.
    """
    for check_machine in MACHINE_CHECKS:
        yield from check_machine(tools)
    yield from check_omero(tools, quick=quick)
    for settings in clusters:
        examination = Examination(tools=tools, settings=settings, job_timeout_s=job_timeout_s)
        try:
            for finding in _examine_cluster(examination, quick=quick):
                yield dataclasses.replace(finding, cluster=settings.name)
        finally:
            examination.close()


def _examine_cluster(examination: Examination, *, quick: bool) -> Iterator[Finding]:
    failed: dict[str, str] = {}
    for check in CLUSTER_CHECKS:
        if quick and check.is_slow:
            continue
        obstacle = next((failed[name] for name in check.needs if name in failed), None)
        if obstacle is not None:
            failed[check.name] = obstacle
            yield _skipped(check, obstacle)
            continue
        for finding in _run(check, examination):
            if finding.level is Level.PROBLEM:
                failed.setdefault(check.name, finding.code)
            yield finding


def _run(check: Check, examination: Examination) -> Iterator[Finding]:
    """Run a check; an error that it does not know is a finding as well."""
    try:
        for finding in check.run(examination):
            yield dataclasses.replace(finding, place=check.place)
    except ConnectionFailedError as exc:
        yield dataclasses.replace(Code.SSH_REACHABLE.problem(check.name, str(exc)), place=check.place)
    except BiomeroError as exc:
        yield dataclasses.replace(Code.UNANSWERED.problem(check.name, str(exc)), place=check.place)


def _skipped(check: Check, code: str) -> Finding:
    return Finding(
        code="skipped",
        level=Level.SKIPPED,
        subject=check.name,
        message=f"not asked, because of {code}",
        place=check.place,
    )


def has_problem(findings: Sequence[Finding]) -> bool:
    """Say whether anything keeps runs from working."""
    return any(finding.level is Level.PROBLEM for finding in findings)
