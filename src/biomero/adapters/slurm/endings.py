"""How jobs ended: accounting's rows, the jobs' own exit files and our notes, in one remote command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.sacct import AccountRow, parse_sacct, sacct
from biomero.domain.exit_record import ExitRecord, exit_file_prefix, parse_exit_files
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef
from biomero.errors import UnparsableOutputError

# Accounting follows the controller by up to five seconds, and calls a job "allocation" until it has its name.
# For jobs that have ended by the controller's word ("awaited") it is given that time, up to six seconds, so
# that what they used is in the report of their end.
# A job's sign of life counts for five minutes, and while it has left no exit file. It comes twice a minute;
# network file systems may show it a minute late; and clocks of one cluster, be they of the node, of the file
# server or of the login node, are closer to each other than five minutes, or munge lets nobody in.
_SCRIPT = r"""
unset SACCT_FORMAT
export SLURM_BITSTR_LEN=0
export SLURM_TIME_FORMAT=%s
lists=
while read -r ids && [ -n "$ids" ]; do lists="$lists $ids"; done
read -r awaited
tries=13
account() { for ids in $lists; do "$@" --jobs="$ids" || return; done; }
while :; do
  rows=$(account "$@")
  status=$?
  tries=$((tries - 1))
  [ $status = 0 ] && [ $tries -gt 0 ] || break
  printf '%s\n' "$rows" | awk -F'|' -v awaited="$awaited" '
    BEGIN { count = split(awaited, ids, " "); for (i in ids) missing[ids[i]] = 1 }
    !($1 in missing) || $2 == "allocation" { next }
    $3 ~ /^(PENDING|RUNNING|REQUEUED|COMPLETING|SUSPENDED)/ { next }
    { delete missing[$1]; count-- }
    END { exit count > 0 }
  ' && break
  sleep 0.5
done
echo "biomero:sacct $status"
printf '%s\n' "$rows"
echo biomero:exit
asked=
while IFS= read -r prefix; do
  set --
  for file in "$prefix" "$prefix".*; do [ ! -f "$file" ] || set -- "$@" "$file"; done
  [ $# = 0 ] || cat -- "$@" 2>/dev/null
  key=${prefix##*/exit.}
  claim=${prefix%/*}/claim.$key
  set --
  for file in "$claim/alive" "$claim/alive".*; do
    [ ! -f "$file" ] || [ -e "$prefix${file##*/alive}" ] || set -- "$@" "$file"
  done
  [ $# = 0 ] || find "$@" -mmin -5 2>/dev/null | sed "s|.*/alive|alive $key |"
  [ ! -e "${prefix%/*}/cancelled.$key" ] || asked="$asked $key"
done
echo "biomero:cancelled$asked"
"""
_ALIVE = re.compile(r"alive (?P<key>\S+) (?:\.(?P<task>\d+))?")
_MAX_AWAITED = 2000
_IDS_A_QUESTION = 1000
"""A command line has its limit, and the database of accounting has its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """What is on record.

    Parameters
    ----------
    account
        ``None`` where accounting did not answer: there is none, or it cannot be reached.
    alive
        The jobs and array tasks that gave a sign of life a short while ago, and have not said how they ended.
    cancelled
        The jobs that we asked Slurm to end, by our own notes.
    """

    account: tuple[AccountRow, ...] | None = None
    exits: tuple[ExitRecord, ...] = ()
    alive: frozenset[tuple[JobKey, int | None]] = frozenset()
    cancelled: frozenset[JobKey] = frozenset()


def endings(jobs: Sequence[JobRef], *, awaited: Sequence[str] = ()) -> Command:
    """Return the command that asks how jobs ended.

    Parameters
    ----------
    awaited
        Ids, as accounting writes them (``11`` or ``11_2``), of jobs that are known to have ended.
    """
    ids: list[SlurmJobId] = [job.job_id for job in jobs]
    *command, _ = sacct(ids[:1])
    lines = [
        *(",".join(map(str, ids[i : i + _IDS_A_QUESTION])) for i in range(0, len(ids), _IDS_A_QUESTION)),
        "",
        " ".join(awaited[:_MAX_AWAITED]),
        *(exit_file_prefix(job) for job in jobs),
    ]
    stdin = "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")
    return Command(argv=("sh", "-c", _SCRIPT, "sh", *command), stdin=stdin)


def parse_endings(stdout: str) -> Endings:
    """Read the answer.

    Raises
    ------
    UnparsableOutputError
        If a part of it cannot be understood.
    """
    head, found, rest = stdout.partition("biomero:sacct ")
    status, _, rest = rest.partition("\n")
    rows, _, rest = rest.partition("biomero:exit\n")
    left, divider, cancelled = rest.partition("biomero:cancelled")
    if not found or not divider:
        raise UnparsableOutputError(f"asking how jobs ended gave no whole answer: {head + found + rest!r}")
    lines = [(line, _ALIVE.fullmatch(line)) for line in left.splitlines()]
    return Endings(
        account=tuple(parse_sacct(rows)) if status == "0" else None,
        exits=tuple(parse_exit_files("\n".join(line for line, alive in lines if not alive))),
        alive=frozenset(
            (JobKey(alive["key"]), int(alive["task"]) if alive["task"] else None)
            for _, alive in lines
            if alive
        ),
        cancelled=frozenset(JobKey(key) for key in cancelled.split()),
    )
