"""The local queue on disk: what was submitted, in what order, and how each task stands.

::

    <spool>/lock            held for every change
    <spool>/runner.lock     held by the one process that runs jobs, for as long as it lives; its id
    <spool>/last_id
    <spool>/keys/<key>      the id of the job of that key
    <spool>/waiting/<id>    jobs with tasks that have not ended
    <spool>/jobs/<id>/      job.json, script, cancelled (when asked to end), task.json or task.<index>.json
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobResources, JobSpec, JobState


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """How a task stands. One that has not begun has no record.

    Parameters
    ----------
    pid, pid_started
        The leader of the task's process group, and when it started, as process ids are given out again.
    """

    state: JobState
    pid: int
    pid_started: str
    exit_code: int | None = None
    signal: int | None = None
    elapsed_s: int | None = None
    cpu_s: float | None = None
    max_memory_mb: float | None = None


class Spool:
    """A folder with the local queue; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """Make the folder, which only its owner may enter."""
        for name in ("keys", "waiting", "jobs", "unwanted"):
            (self.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time change the queue."""
        with (self.folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def become_runner(self) -> IO[str] | None:
        """Take the runner's lock, which lasts until the file is closed; ``None`` if a runner lives.

        Call it while `locked`, so that those who only look do not stand in the way of those who take.
        """
        lock = (self.folder / "runner.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

    def has_runner(self) -> bool:
        """Say whether a process runs jobs; call it while `locked`."""
        lock = self.become_runner()
        if lock is None:
            return True
        lock.close()
        return False

    def find(self, key: JobKey) -> SlurmJobId | None:
        """Return the id of the job of that key."""
        try:
            return SlurmJobId(int((self.folder / "keys" / key).read_text()))
        except FileNotFoundError:
            return None

    def add(self, spec: JobSpec) -> SlurmJobId:
        """Put a job at the end of the queue; call it while `locked`.

        The key is written last, so that what died half-way is no job.
        """
        counter = self.folder / "last_id"
        last = int(counter.read_text()) if counter.exists() else 0
        job_id = SlurmJobId(last + 1)
        _write(counter, str(last + (spec.array_size or 1)))
        job = self.job_folder(job_id)
        job.mkdir(mode=0o700)
        # As sbatch does: the script counts as it is now.
        shutil.copyfile(spec.script, job / "script")
        _write(job / "job.json", json.dumps(dataclasses.asdict(spec)))
        (self.folder / "waiting" / str(job_id)).touch()
        _write(self.folder / "keys" / spec.key, str(job_id))
        return job_id

    def submitted(self) -> Iterator[tuple[JobSpec, SlurmJobId, datetime]]:
        """Yield every job there is, with the time of its submission."""
        for key in (self.folder / "keys").iterdir():
            if not key.name.startswith("."):  # a key that is being written
                job_id = SlurmJobId(int(key.read_text()))
                yield self.spec(job_id), job_id, datetime.fromtimestamp(key.stat().st_mtime, UTC)

    def job_folder(self, job_id: SlurmJobId) -> Path:
        """Return where a job's own files are."""
        return self.folder / "jobs" / str(job_id)

    def spec(self, job_id: SlurmJobId) -> JobSpec:
        """Return what was submitted."""
        stored: dict[str, Any] = json.loads((self.job_folder(job_id) / "job.json").read_text())
        return JobSpec(**{**stored, "resources": JobResources(**stored["resources"])})

    def waiting(self) -> list[SlurmJobId]:
        """Return the jobs with tasks that have not ended, in order of submission."""
        ids = [SlurmJobId(int(entry.name)) for entry in (self.folder / "waiting").iterdir()]
        # A submitter that died before it wrote the key has not submitted.
        return sorted(i for i in ids if self._is_submitted(i))

    def set_ended(self, job_id: SlurmJobId) -> None:
        """Take a job off the queue: all its tasks have ended."""
        (self.folder / "waiting" / str(job_id)).unlink(missing_ok=True)

    def task(self, job_id: SlurmJobId, index: int | None) -> TaskRecord | None:
        """Return how a task stands; ``None`` if it has not begun."""
        try:
            stored = json.loads(self._task_file(job_id, index).read_text())
        except FileNotFoundError:
            return None
        return TaskRecord(**{**stored, "state": JobState[stored["state"]]})

    def set_task(self, job_id: SlurmJobId, index: int | None, record: TaskRecord) -> None:
        """Write down how a task stands."""
        stored = {**dataclasses.asdict(record), "state": record.state.name}
        _write(self._task_file(job_id, index), json.dumps(stored))

    def is_cancelled(self, job_id: SlurmJobId) -> bool:
        """Say whether the job was asked to end."""
        return (self.job_folder(job_id) / "cancelled").exists()

    def set_cancelled(self, job_id: SlurmJobId) -> None:
        """Ask a job to end; call it while `locked`."""
        (self.job_folder(job_id) / "cancelled").touch()

    def is_unwanted(self, key: JobKey) -> bool:
        """Say whether a job was asked to end before it was submitted."""
        return (self.folder / "unwanted" / key).exists()

    def set_unwanted(self, key: JobKey) -> None:
        """Let a job never be submitted; call it while `locked`."""
        (self.folder / "unwanted" / key).touch()

    def _task_file(self, job_id: SlurmJobId, index: int | None) -> Path:
        return self.job_folder(job_id) / ("task.json" if index is None else f"task.{index}.json")

    def _is_submitted(self, job_id: SlurmJobId) -> bool:
        try:
            return self.find(self.spec(job_id).key) == job_id
        except FileNotFoundError:
            return False


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
