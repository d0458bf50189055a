"""What the auditor looks at: tables by plain SQL, Slurm by its own commands, and the jobs' own witness.

Nothing of BIOMERO is imported here: who checks the engine does not ask the engine.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg

from services.slurm_lab import SlurmLab

Rows = list[tuple[Any, ...]]


def prologue(witness: Path) -> list[str]:
    """Return lines of shell with which a job says that it begins to work, and waits while it is told to.

    They belong into the cluster's ``job_prologue``; a job that does not get the claim of its key never comes
    there. It waits as long as there is a file beside the witness, but not for ever; another file makes it
    take 600 MB of memory. On this machine, where there is no prologue, they stand in the file that
    ``BASH_ENV`` names.
    """
    words = '"$SLURM_JOB_NAME" "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}" "${SLURM_ARRAY_TASK_ID-}"'
    return [
        f'printf "%s|%s|%s|%s\\n" {words} "${{SLURM_RESTART_COUNT:-0}}" >>"{witness}"',
        "case $SLURM_JOB_NAME in *-conversion*) step=conversion ;; *) step=workflow ;; esac",
        f'[ ! -e "{witness}.hungry-$step" ] || head -c 600M /dev/zero | tail -c 600M >/dev/null || exit 1',
        f'for _ in $(seq 600); do [ -e "{witness}.hold-$step" ] || break; sleep 0.2; done',
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A job, or a task of an array, that began to work.

    Parameters
    ----------
    restart
        How often Slurm itself had started it before.
    """

    key: str
    job: str
    task: str
    restart: int


def witnessed(path: Path) -> list[Work]:
    """Read what the jobs said."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        key, job, task, restart = line.split("|")
        found.append(Work(key=key, job=job, task=task, restart=int(restart)))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a run as it is stored."""

    version: int
    name: str
    state: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """How a run stands in the queue."""

    state: str
    owner: str


class Tables:
    """The tables of one database.

    Parameters
    ----------
    address
        ``sqlite:///`` and a path, or the address of a PostgreSQL database.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def events(self) -> dict[str, list[Event]]:
        """Return the events of each run, oldest first."""
        if not self._are_made():
            return {}
        rows = self._select(
            "SELECT originator_id, originator_version, topic, state FROM workflowtracker_events "
            "WHERE topic LIKE '%:WorkflowRun.%' ORDER BY id"
        )
        found: dict[str, list[Event]] = {}
        for owner, version, topic, state in rows:
            name = topic.rpartition(".")[2]
            event = Event(version=version, name=name, state=json.loads(bytes(state)))
            found.setdefault(_run_id(owner), []).append(event)
        return found

    def queue(self) -> dict[str, QueueRow]:
        """Return the rows of the queue."""
        rows = self._select("SELECT run_id, state, owner FROM engine_run")
        return {_run_id(run): QueueRow(state=state, owner=owner or "") for run, state, owner in rows}

    def tokens(self) -> dict[str, int]:
        """Return how often each run was claimed, or more: what its claims are told apart by."""
        return {
            _run_id(run): int(token) for run, token in self._select("SELECT run_id, token FROM engine_run")
        }

    def ends(self) -> list[str]:
        """Return the runs that have ended, in the order in which that was recorded."""
        rows = self._select("SELECT originator_id, topic FROM workflowtracker_events ORDER BY id")
        final = (":WorkflowRun.WorkflowCompleted", ":WorkflowRun.WorkflowFailed", ":WorkflowRun.RunCancelled")
        return [_run_id(owner) for owner, topic in rows if topic.endswith(final)]

    def leases(self) -> dict[str, float]:
        """Return until when each worker is believed to live, in seconds since 1970."""
        rows = self._select("SELECT worker, until FROM engine_worker")
        return {worker: float(until) for worker, until in rows}

    def watchers(self) -> list[str]:
        """Return the workers that watch a cluster."""
        rows = self._select("SELECT worker FROM engine_lead WHERE what LIKE 'watch %'")
        return [worker for (worker,) in rows]

    def deadlocks(self) -> int:
        """Return how many deadlocks PostgreSQL has found in this database."""
        rows = self._select("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        ((count,),) = rows
        return int(count)

    def delivered(self) -> int:
        """Return how many results the views show."""
        ((count,),) = self._select("SELECT count(*) FROM biomero_output")
        return int(count)

    def _are_made(self) -> bool:
        """Say whether anybody has made the tables yet."""
        if not self._address.startswith("sqlite"):
            return True  # they are copies of a database that has them
        if not Path(self._address.removeprefix("sqlite:///")).exists():
            return False
        return bool(self._select("SELECT name FROM sqlite_master WHERE name = 'workflowtracker_events'"))

    def _select(self, statement: str) -> Rows:
        with self._connected() as execute:
            return list(execute(statement))

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._address.startswith("sqlite"):
            path = self._address.removeprefix("sqlite:///")
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as file:
                yield file.execute
        else:
            with psycopg.connect(self._address) as server:
                yield server.execute


class Books(Protocol):
    """What a scheduler says of jobs."""

    def alive(self) -> dict[str, str]:
        """Return the jobs that wait or run: state by name."""
        ...

    def jobs(self, key: str) -> dict[str, str]:
        """Return the jobs of a name that accounting has ever had: state by id; those refused are left out.

        A job that Slurm started again is one job: it keeps its id.
        """
        ...


class SlurmBooks:
    """What Slurm says of jobs; see `Books`."""

    def __init__(self, lab: SlurmLab) -> None:
        self._lab = lab

    def alive(self) -> dict[str, str]:
        """See `Books.alive`."""
        rows = self._ask("squeue", "-h", "-r", "-o", "%j|%T").splitlines()
        return {name: state for name, _, state in (row.rpartition("|") for row in rows)}

    def jobs(self, key: str) -> dict[str, str]:
        """See `Books.jobs`."""
        if not self._lab.has_accounting:
            return {}
        form = "--format=JobID,State,NodeList"
        text = self._ask("sacct", "-X", "-n", "-P", "-S", "now-1days", f"--name={key}", form)
        rows = [row.split("|") for row in text.splitlines()]
        return {
            job.partition("_")[0]: state
            for job, state, nodes in rows
            if not (state == "FAILED" and nodes == "None assigned")
        }

    def _ask(self, *argv: str) -> str:
        return self._lab.run_as_root(argv)


def processes_of(keys: Sequence[str]) -> dict[int, str]:
    """Return the processes that belong to jobs of these names."""
    wanted = {f"SLURM_JOB_NAME={key}".encode(): key for key in keys}
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                variables = set((entry / "environ").read_bytes().split(b"\0"))
            except OSError:
                continue
            found.update({int(entry.name): wanted[variable] for variable in variables & wanted.keys()})
    return found


def _run_id(value: object) -> str:
    return str(UUID(bytes=value)) if isinstance(value, bytes) else str(value)
