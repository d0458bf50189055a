"""``squeue``: where jobs stand that the controller still knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.states import fields, parse_job_id, parse_state
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobState

# Without SLURM_BITSTR_LEN=0 lists of array indices are cut at 64 characters. The second look, at all who wait
# in the partitions of our own waiting jobs, is for their place in the queue, and may fail.
# A job id that the controller has forgotten is an error only when it is the only one asked for. Many ids do
# not fit into a command line: then all jobs of the account are asked for, which costs the controller less
# as well. Only rows of jobs that were asked about are passed on.
_SCRIPT = r"""
unset SQUEUE_ACCOUNT SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS SQUEUE_STATES SQUEUE_USERS SQUEUE_SORT
unset SQUEUE_FORMAT SQUEUE_ARRAY
export SLURM_BITSTR_LEN=0
read -r ids
which=--me
[ "${#ids}" -gt "$1" ] || which="--jobs=$ids"
if ! own=$(squeue --noheader --states=all "$which" --format='%i|%j|%T|%P|%Q|%r' 2>&1); then
  case $own in
  *'Invalid job id specified'*) own= ;;
  *) printf '%s\n' "$own" >&2; exit 1 ;;
  esac
fi
echo biomero:own
# warnings of squeue are no rows
own=$({ printf '%s\n' "$ids" | tr , '\n'; echo biomero:rows; printf '%s\n' "$own"; } | awk '
  /^biomero:rows$/ { rows = 1; next }
  !rows { wanted[$0]; next }
  /^[0-9].*[|]/ { id = $0; sub(/[^0-9].*/, "", id); if (id in wanted) print }
')
printf '%s\n' "$own"
waiting=$(printf '%s\n' "$own" | awk -F'|' '$3 == "PENDING" { print $4 }' | sort -u | paste -s -d, -)
if [ -n "$waiting" ]; then
  echo biomero:waiting
  squeue --noheader --states=PENDING --partition="$waiting" --format='%i|%P|%Q' 2>/dev/null || :
fi
"""

# Of an array (11_[0-3]) and of a job of several parts (11+0) the number in front is enough.
_WAITING = re.compile(r"(?P<job>\d+)(?:[_+][^|]*)?\|(?P<partitions>[^|]*)\|(?P<priority>\d+)")


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


_LONGEST_LIST = 2000
"""Characters of ids up to which jobs are asked for one by one."""


def squeue(job_ids: Sequence[SlurmJobId], *, longest_list: int = _LONGEST_LIST) -> Command:
    """Return the command that asks about jobs by their ids, of which there may be any number.

    Parameters
    ----------
    longest_list
        If the ids have more characters, squeue is asked for all jobs of the account.
    """
    ids = ",".join(str(i) for i in job_ids)
    return Command(argv=("sh", "-c", _SCRIPT, "sh", str(longest_list)), stdin=f"{ids}\n".encode())


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
        row = _WAITING.fullmatch(line)
        # Held jobs have no priority, and nobody waits behind them. A row of somebody else's that is not
        # understood shall not keep us from our own.
        if row is not None and row["priority"] != "0":
            for partition in row["partitions"].split(","):
                entry = (-int(row["priority"]), SlurmJobId(int(row["job"])))
                by_partition.setdefault(partition, []).append(entry)
    places: dict[str, dict[SlurmJobId, int]] = {}
    for partition, order in by_partition.items():
        ids = dict.fromkeys(job_id for _, job_id in sorted(order))
        places[partition] = {job_id: place for place, job_id in enumerate(ids, start=1)}
    found: dict[SlurmJobId, int] = {}
    for job_id, ours_in in ours:
        for partition in ours_in:
            place = places.get(partition, {}).get(job_id)
            if place is not None:
                found[job_id] = min(place, found.get(job_id, place))
    return found
