"""The user's jobs, whoever submitted them: the controller's list and accounting, put together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.states import parse_state
from biomero.application.ports.scheduler import KnownJob
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobReport, JobState, TaskReport

# $1 ids, or empty for all  $2 the day to begin with. Where the cluster keeps no account,
# what the controller remembers is the answer. The folder comes last: it may hold any character.
_SCRIPT = r"""
unset SQUEUE_ACCOUNT SQUEUE_NAMES SQUEUE_PARTITION SQUEUE_QOS SQUEUE_STATES SQUEUE_USERS SQUEUE_SORT
unset SQUEUE_FORMAT SQUEUE_ARRAY SACCT_FORMAT
export SLURM_BITSTR_LEN=0
if ! own=$(squeue --noheader --me --states=all ${1:+--jobs="$1"} --format='%i|%j|%T|%Z' 2>&1); then
  case $own in
  *'Invalid job id specified'*) own= ;;
  *) printf '%s\n' "$own" >&2; exit 1 ;;
  esac
fi
printf 'biomero:queue\n%s\n' "$own"
if [ -n "$1" ]; then set -- "--jobs=$1"; else set -- "--starttime=$2" --endtime=now; fi
echo biomero:account
sacct --noheader --parsable2 --allocations "$@" --format=JobID,JobName,State,WorkDir 2>/dev/null || :
"""
_ROW = re.compile(r"(?P<id>\d+)(?:[_+][^|]*)?\|(?P<name>[^|]*)\|(?P<state>[^|]*)\|(?P<folder>.*)")


def history(since: datetime | None, jobs: Sequence[SlurmJobId] | None) -> Command:
    """Return the command that asks."""
    ids = "" if jobs is None else ",".join(str(i) for i in jobs)
    day = since.date().isoformat() if since else "now-1days"
    return Command(argv=("sh", "-c", _SCRIPT, "sh", ids, day))


@dataclass(slots=True)
class _Found:
    """What is said of one job."""

    name: str = ""
    folder: str = ""
    queued: list[JobState] = field(default_factory=list)
    ended: list[JobState] = field(default_factory=list)


def parse_history(stdout: str, jobs: Sequence[SlurmJobId] | None) -> list[KnownJob]:
    """Read the answer, newest job first.

    What accounting calls waiting or running, while the controller does not know it, is a leftover.

    Raises
    ------
    UnparsableOutputError
        If a state is none that we know.
    """
    queue, _, account = stdout.partition("biomero:queue\n")[2].partition("biomero:account\n")
    found: dict[SlurmJobId, _Found] = {}
    for job, state in _rows(queue, found):
        job.queued.append(state)
    for job, state in _rows(account, found):
        if state.is_final:
            job.ended.append(state)
    known = []
    for job_id, job in found.items():
        state_of = _state(job)
        if state_of is not None and (jobs is None or job_id in jobs):
            known.append(KnownJob(job_id=job_id, name=job.name, state=state_of, folder=job.folder))
    return sorted(known, key=lambda job: -job.job_id)


def _rows(text: str, found: dict[SlurmJobId, _Found]) -> Iterable[tuple[_Found, JobState]]:
    for line in text.splitlines():
        row = _ROW.fullmatch(line)
        if row is not None:
            job = found.setdefault(SlurmJobId(int(row["id"])), _Found())
            # Until a job begins to be accounted, its name there is "allocation".
            job.name = job.name or row["name"]
            job.folder = job.folder or row["folder"]
            yield job, parse_state(row["state"])


def _state(job: _Found) -> JobState | None:
    live = [state for state in job.queued if not state.is_final]
    states = [*live, *job.ended] if live else job.ended or job.queued
    tasks = tuple(TaskReport(index=None, state=state) for state in states)
    return JobReport(job_id=SlurmJobId(0), tasks=tasks).state
