"""``sinfo`` and ``squeue``: what goes on at the cluster; ``scontrol``: how large an array may be."""

from __future__ import annotations

import re

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.states import fields, parse_job_id, parse_state
from biomero.application.ports.scheduler import ClusterLoad, OwnJob, PartitionLoad
from biomero.errors import UnparsableOutputError

# A job's name comes last, as any other than ours may hold the separator.
_LOAD = r"""
unset SINFO_FORMAT SINFO_PARTITION SINFO_SORT SQUEUE_ARRAY SQUEUE_SORT
unset SQUEUE_ACCOUNT SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS SQUEUE_STATES SQUEUE_USERS SQUEUE_FORMAT
export SLURM_BITSTR_LEN=0
echo biomero:partitions
sinfo --noheader --format='%P|%a|%T|%D' || exit
echo biomero:jobs
exec squeue --noheader --me --format='%i|%T|%P|%M|%r|%N|%j'
"""

_ARRAYS = """
echo biomero:config
scontrol show config || exit
echo biomero:limits
sacctmgr --noheader --parsable2 show associations user="$(id -un)" format=MaxSubmitJobs 2>/dev/null || :
"""


def load() -> Command:
    """Return the command that asks what goes on."""
    return Command(argv=("sh", "-c", _LOAD))


def parse_load(stdout: str) -> ClusterLoad:
    """Read the answer: a row for each state of a partition's nodes, then a row for each job.

    Raises
    ------
    UnparsableOutputError
        If a row cannot be understood.
    """
    # Whatever login scripts print comes first.
    partitions, _, jobs = stdout.partition("biomero:partitions\n")[2].partition("biomero:jobs\n")
    return ClusterLoad(
        partitions=tuple(_partitions(partitions.splitlines())),
        jobs=tuple(_job(line) for line in jobs.splitlines() if line),
    )


def _partitions(lines: list[str]) -> list[PartitionLoad]:
    nodes: dict[str, dict[str, int]] = {}
    is_up: dict[str, bool] = {}
    for line in lines:
        if line:
            name, availability, state, count = fields(line, 4, "sinfo")
            is_up[name] = availability == "up"
            states = nodes.setdefault(name, {})
            if count != "0":  # a partition without nodes has a row too
                states[state] = states.get(state, 0) + _number(count, "sinfo")
    return [
        PartitionLoad(
            name=name.removesuffix("*"), is_default=name.endswith("*"), is_up=is_up[name], nodes=states
        )
        for name, states in nodes.items()
    ]


def _job(line: str) -> OwnJob:
    parts = line.split("|", 6)
    if len(parts) != 7:  # noqa: PLR2004 - the columns asked for above
        raise UnparsableOutputError(f"squeue answered with a row that has not 7 fields: {line!r}")
    job, state, partition, elapsed, reason, nodes, name = parts
    job_id, indices = parse_job_id(job)
    return OwnJob(
        job_id=job_id,
        name=name,
        state=parse_state(state),
        indices=indices,
        partition=partition,
        reason="" if reason == "None" else reason,
        nodes=nodes,
        elapsed_s=_seconds(elapsed),
    )


def _seconds(text: str) -> int | None:
    """Read ``[days-[hours:]]minutes:seconds``; ``None`` where the time is not valid."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _number(text: str, command: str) -> int:
    if not text.isdecimal():
        raise UnparsableOutputError(f"{command} gave {text!r} where a number belongs")
    return int(text)


def array_limit() -> Command:
    """Return the command that asks for the controller's settings and for the account's limits."""
    return Command(argv=("sh", "-c", _ARRAYS))


def parse_array_limit(stdout: str) -> int | None:
    """Return how many tasks an array may have: its indices stay below ``MaxArraySize``.

    Each counts as a job, of which an account may have a limited number. Half of those are for one array, as
    one that needed all would wait until no other run had any.
    """
    config, _, limits = stdout.partition("biomero:config\n")[2].partition("biomero:limits\n")
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)\s*$", config, re.MULTILINE)
    sizes = [int(found[1])] if found else []
    sizes += [max(1, int(line) // 2) for line in limits.splitlines() if line.isdecimal()]
    return min(sizes, default=None)
