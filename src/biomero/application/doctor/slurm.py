"""Checks of Slurm: controller, partitions, accounting, and what it would say to our jobs."""

from __future__ import annotations

from collections.abc import Iterator

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Examination
from biomero.application.doctor.findings import Finding
from biomero.application.ports.scheduler_health import NodesInState, PartitionHealth, SchedulerHealth
from biomero.errors import SchedulerUnavailableError, SubmissionRejectedError

_SMALL_ARRAY = 101
"""Conversions of a run are an array of up to 20 tasks; a plate in batches has some hundred."""


def check_programs(examination: Examination) -> Iterator[Finding]:
    """Look for Slurm's programs."""
    health = _health(examination)
    if health is None:
        return
    name = examination.settings.name
    try:
        yield Code.SLURM_PROGRAMS.ok(name, health.version())
    except SchedulerUnavailableError as exc:
        yield Code.SLURM_PROGRAMS.problem(name, str(exc))


def check_controller(examination: Examination) -> Iterator[Finding]:
    """Ask the controller for a sign of life."""
    health = _health(examination)
    if health is None:
        return
    name = examination.settings.name
    try:
        health.check_controller()
    except SchedulerUnavailableError as exc:
        examination.controller_is_away = True
        yield Code.CONTROLLER.problem(name, str(exc))
    else:
        yield Code.CONTROLLER.ok(name, "it answers")


def check_limits(examination: Examination) -> Iterator[Finding]:
    """Look at what the cluster's configuration allows."""
    health = _health(examination)
    if health is None:
        return
    limits = health.limits()
    size = limits.max_array_size
    if size is None:
        return
    said = f"MaxArraySize is {size}"
    name = examination.settings.name
    yield Code.ARRAYS.warning(name, said) if size < _SMALL_ARRAY else Code.ARRAYS.ok(name, said)


def check_partitions(examination: Examination) -> Iterator[Finding]:
    """Look at every partition that jobs are sent to: does it exist, take jobs, and have nodes that work."""
    health = _health(examination)
    if health is None:
        return
    known = {partition.name: partition for partition in health.partitions()}
    examination.default_partition = next((p.name for p in known.values() if p.is_default), None)
    for name in examination.partitions:
        if name is None:
            yield Code.PARTITION.problem(
                examination.settings.name,
                f"no partition is configured and the cluster has no default one; it has: {', '.join(known)}",
            )
            examination.sick_partitions.add(name)
            continue
        findings = (
            list(_partition(known[name]))
            if name in known
            else [Code.PARTITION.problem(name, f"there is no such partition; there are: {', '.join(known)}")]
        )
        if any(f.code == Code.PARTITION.code and f.remedy for f in findings):
            examination.sick_partitions.add(name)
        yield from findings


def _partition(partition: PartitionHealth) -> Iterator[Finding]:
    usable = sum(nodes.count for nodes in partition.nodes if nodes.is_usable)
    out = [nodes for nodes in partition.nodes if not nodes.is_usable]
    total = usable + sum(nodes.count for nodes in out)
    if not partition.is_up:
        yield Code.PARTITION.problem(partition.name, f"the partition is in state {partition.state}")
    elif usable == 0:
        words = "; ".join(map(_words, out)) or "it has no nodes"
        yield Code.PARTITION.problem(partition.name, f"none of its nodes can run a job: {words}")
    else:
        yield Code.PARTITION.ok(partition.name, f"{usable} of {total} nodes can run jobs")
        if out:
            yield Code.NODES.warning(partition.name, "; ".join(map(_words, out)))


def _words(nodes: NodesInState) -> str:
    reason = f" ({nodes.reason})" if nodes.reason else ""
    return f"{nodes.names} {nodes.state}{reason}"


def check_accounting(examination: Examination) -> Iterator[Finding]:
    """Ask Slurm's account of jobs a question, where the cluster keeps one."""
    health = _health(examination)
    if health is None:
        return
    name = examination.settings.name
    # accounting answers without the controller, which has a finding of its own
    if not (examination.controller_is_away or health.limits().keeps_accounts):
        examination.accounting_is_away = True
        yield Code.NO_ACCOUNTING.warning(name, "jobs are not accounted")
        return
    try:
        health.check_accounting()
    except SchedulerUnavailableError as exc:
        examination.accounting_is_away = True
        yield Code.ACCOUNTING.problem(name, str(exc))
    else:
        yield Code.ACCOUNTING.ok(name, "it answers")


def check_accounts(examination: Examination) -> Iterator[Finding]:
    """Ask whether we may charge the accounts, and ask for the QOS, that jobs name."""
    health = _health(examination)
    if health is None or examination.accounting_is_away:
        return
    name = examination.settings.name
    ours = health.associations()
    if ours is None:
        return
    accounts = {association.account for association in ours}
    qos = {q for association in ours for q in association.qos}
    if not accounts:
        if not examination.controller_is_away and health.limits().requires_association:
            yield Code.ASSOCIATION.problem(name, "this cluster wants an account for jobs, and we have none")
        return
    for kind, resources in examination.job_kinds.items():
        if resources.account and resources.account.lower() not in accounts:
            words = f"account {resources.account} is none of ours: {', '.join(sorted(accounts))}"
        elif resources.qos and qos and resources.qos.lower() not in qos:
            words = f"QOS {resources.qos} is none of ours: {', '.join(sorted(qos))}"
        else:
            continue
        examination.sick_kinds.add(kind)
        yield Code.ASSOCIATION.problem(kind, words)
    if not examination.sick_kinds:
        yield Code.ASSOCIATION.ok(name, f"we may charge: {', '.join(sorted(accounts))}")


def check_jobs(examination: Examination) -> Iterator[Finding]:
    """Let Slurm judge a job of each kind, without submitting it."""
    health = _health(examination)
    if health is None:
        return
    for kind, resources in examination.job_kinds.items():
        if kind in examination.sick_kinds or examination.sick_partitions.intersection(
            examination.partitions_of(resources)
        ):
            continue
        try:
            health.check_job(resources)
        except SubmissionRejectedError as exc:
            yield Code.TEST_JOB.problem(kind, str(exc))
        else:
            yield Code.TEST_JOB.ok(kind, "Slurm would take such a job")


def _health(examination: Examination) -> SchedulerHealth | None:
    return examination.cluster.health
