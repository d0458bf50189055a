"""``scontrol`` and ``sacctmgr``: what the cluster's configuration and its accounts say."""

from __future__ import annotations

import re

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.sbatch import sbatch
from biomero.application.ports.scheduler_health import Association, SchedulerLimits
from biomero.domain.ids import JobKey
from biomero.domain.job import JobResources, JobSpec
from biomero.errors import UnparsableOutputError

PROGRAMS = ("sbatch", "squeue", "sacct", "scancel", "sinfo", "scontrol")
_VERSION = """
for program; do command -v "$program" >/dev/null || echo "biomero:missing $program"; done
echo "biomero:version $(sbatch --version)"
"""
_CONFIG = """
text=$(scontrol show config) || exit
printf '%s\\n' "$text" | grep -E '^(MaxArraySize|AccountingStorage(Type|Enforce)) '
"""
_ASSOCIATIONS = """
command -v sacctmgr >/dev/null || { echo biomero:nobody-to-ask; exit 0; }
echo biomero:associations
exec sacctmgr --noheader --parsable2 show associations user="$(id -un)" format=Account,Partition,QOS
"""
# What is asked does not matter, so it is little.
_ACCOUNTING = """
unset SACCT_FORMAT
exec sacct --noheader --parsable2 --allocations --format=JobID --starttime=now-1minutes
"""


def version() -> Command:
    """Return the command that looks for Slurm's programs and asks for their version."""
    return Command(argv=("sh", "-c", _VERSION, "sh", *PROGRAMS))


def parse_version(stdout: str) -> tuple[str, tuple[str, ...]]:
    """Read the answer: the version, and the programs that are missing."""
    words = [line.removeprefix("biomero:").split(" ", 1) for line in stdout.splitlines()]
    said = [(word[0], word[1]) for word in words if len(word) > 1]
    missing = tuple(value for word, value in said if word == "missing")
    return next((value for word, value in said if word == "version"), ""), missing


def ping() -> Command:
    """Return the command that asks the controller for a sign of life; it is quick where all others wait."""
    return Command(argv=("timeout", "30", "scontrol", "ping"))


def is_controller_up(stdout: str) -> bool:
    r"""Say whether one of the controllers, of which there may be several, is up.

    >>> is_controller_up("Slurmctld(primary) at a is DOWN\nSlurmctld(backup) at b is UP")
    True
    """
    return bool(re.search(r"^Slurmctld.* is UP\b", stdout, re.MULTILINE))


def show_config() -> Command:
    """Return the command that prints some lines of the cluster's configuration."""
    return Command(argv=("sh", "-c", _CONFIG))


def parse_config(stdout: str) -> SchedulerLimits:
    """Read the answer.

    Raises
    ------
    UnparsableOutputError
        If it is no such answer.
    """
    values = {
        key.strip(): value.strip()
        for key, equals, value in (line.partition("=") for line in stdout.splitlines())
        if equals
    }
    storage = values.get("AccountingStorageType")
    if storage is None:
        raise UnparsableOutputError(f"scontrol show config does not say how jobs are accounted: {stdout!r}")
    size = values.get("MaxArraySize", "")
    return SchedulerLimits(
        max_array_size=int(size) if size.isdecimal() else None,
        # Since 23.11 no accounting is printed as "(null)".
        keeps_accounts=storage not in {"accounting_storage/none", "(null)", ""},
        requires_association="associations" in values.get("AccountingStorageEnforce", ""),
    )


def accounting() -> Command:
    """Return the command that asks the account of jobs a small question."""
    return Command(argv=("sh", "-c", _ACCOUNTING))


def associations() -> Command:
    """Return the command that lists what we may charge."""
    return Command(argv=("sh", "-c", _ASSOCIATIONS))


def parse_associations(stdout: str) -> list[Association] | None:
    """Read the answer; ``None`` where there is no ``sacctmgr``, as on some login nodes."""
    if "biomero:nobody-to-ask\n" in stdout:
        return None
    rows = stdout.partition("biomero:associations\n")[2].splitlines()
    values = [row.split("|") for row in rows if row.count("|") == 2]  # noqa: PLR2004 - three fields
    return [
        Association(account=account, partition=partition, qos=tuple(q for q in qos.split(",") if q))
        for account, partition, qos in values
    ]


def test_only(resources: JobResources) -> Command:
    """Return the command that lets Slurm judge a job without submitting it."""
    spec = JobSpec(
        key=JobKey("biomero-doctor"),
        script="/tmp/doctor.sh",  # noqa: S108 - only its folder is named; the script itself goes by stdin
        log="/dev/null",
        resources=resources,
    )
    *options, _dashes, _script = sbatch(spec)[2:]
    return Command(argv=("sbatch", "--test-only", *options), stdin=b"#!/bin/sh\n:\n")
