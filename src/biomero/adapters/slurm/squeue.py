"""``squeue``: where jobs stand that the controller still knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.states import fields, parse_job_id, parse_state
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState

# Without SLURM_BITSTR_LEN=0 lists of array indices are cut at 64 characters. The second look, at all who wait
# in the partitions of our own waiting jobs, is for their place in the queue, and may fail.
# A job id that the controller has forgotten is an error only when it is the only one asked for.
_SCRIPT = r"""
unset SQUEUE_ACCOUNT SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS SQUEUE_STATES SQUEUE_USERS SQUEUE_SORT
unset SQUEUE_FORMAT SQUEUE_ARRAY
export SLURM_BITSTR_LEN=0
read -r ids
if ! own=$(squeue --noheader --states=all --jobs="$ids" --format='%i|%j|%T|%P|%Q|%r' 2>&1); then
  case $own in
  *'Invalid job id specified'*) own= ;;
  *) printf '%s\n' "$own" >&2; exit 1 ;;
  esac
fi
echo biomero:own
own=$(printf '%s\n' "$own" | grep '^[0-9].*|')  # warnings of squeue are no rows
printf '%s\n' "$own"
waiting=$(printf '%s\n' "$own" | awk -F'|' '$3 == "PENDING" { print $4 }' | sort -u | paste -s -d, -)
if [ -n "$waiting" ]; then
  echo biomero:waiting
  squeue --noheader --states=PENDING --partition="$waiting" --format='%i|%P|%Q' 2>/dev/null || :
fi
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A job, or those tasks of an array that stand alike."""

    job_id: SlurmJobId
    indices: tuple[int, ...] | None
    name: str
    state: JobState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What ``squeue`` knows: our jobs, and the place of those that wait, from 1."""

    rows: tuple[QueueRow, ...]
    positions: dict[SlurmJobId, int]


def squeue(job_ids: Sequence[SlurmJobId]) -> Command:
    """Return the command that asks about jobs by their ids."""
    ids = ",".join(str(i) for i in job_ids)
    return Command(argv=("sh", "-c", _SCRIPT), stdin=f"{ids}\n".encode())


def parse_squeue(stdout: str) -> Queue:
    """Read the answer.

    A place in the queue is that among all who wait in the same partition, by priority and then by age; an
    array counts as one. It is left out for jobs that are held. Where the cluster shows people only their own
    jobs, only those are counted.

    Raises
    ------
    UnparsableOutputError
        If a row or a state cannot be understood.
    """
    own, _, waiting = stdout.partition("biomero:own\n")[2].partition("biomero:waiting\n")
    rows = [fields(line, 6, "squeue") for line in own.splitlines() if line]
    parsed = []
    for job, name, state, _partition, _priority, reason in rows:
        job_id, indices = parse_job_id(job)
        parsed.append(
            QueueRow(
                job_id=job_id,
                indices=indices,
                name=name,
                state=parse_state(state),
                reason="" if reason == "None" else reason,
            )
        )
    ours = [
        (row.job_id, text[3].split(","))
        for row, text in zip(parsed, rows, strict=True)
        if row.state is JobState.PENDING
    ]
    return Queue(rows=tuple(parsed), positions=_positions(ours, waiting.splitlines()))


def _positions(
    ours: Iterable[tuple[SlurmJobId, Sequence[str]]], waiting: Iterable[str]
) -> dict[SlurmJobId, int]:
    by_partition: dict[str, list[tuple[int, SlurmJobId]]] = {}
    for line in waiting:
        job, partitions, priority = fields(line, 3, "squeue")
        # Held jobs have no priority, and nobody waits behind them.
        if priority != "0":
            for partition in partitions.split(","):
                entry = (-int(priority), parse_job_id(job)[0])
                by_partition.setdefault(partition, []).append(entry)
    found: dict[SlurmJobId, int] = {}
    for order in by_partition.values():
        order.sort()
    for job_id, ours_in in ours:
        for partition in ours_in:
            ids = list(dict.fromkeys(i for _, i in by_partition.get(partition, ())))
            if job_id in ids:
                place = ids.index(job_id) + 1
                found[job_id] = min(place, found.get(job_id, place))
    return found
