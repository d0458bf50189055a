"""The process that runs local jobs, one after the other, and ends when none is left.

It is started by whoever submits, detached, and outlives it. Started with the spool's path as its argument.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from biomero.adapters.local.job_environment import job_environment, log_path
from biomero.adapters.local.orphans import orphan_end
from biomero.adapters.local.processes import is_alive, signal_group, start_time
from biomero.adapters.local.spool import Spool, TaskRecord
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobRef, JobSpec, JobState

_LOOK_EVERY_S = 0.1
_GRACE_S = 5.0
_KIB_PER_MIB = 1024
# Slurm's own code for a job whose log or folder cannot be opened.
_CANNOT_START = 53


def run_all(spool: Spool) -> None:
    """Run what waits, until nothing does. Where another runner lives, return at once."""
    with spool.locked():
        lock = spool.become_runner()
    if lock is None:
        return
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    while True:
        with spool.locked():
            waiting = spool.waiting()
            if not waiting:
                # Under the lock: whoever submits now finds no runner and starts another.
                lock.close()
                return
        _run_job(spool, waiting[0])


def _run_job(spool: Spool, job_id: SlurmJobId) -> None:
    spec = spool.spec(job_id)
    for index in [None] if spec.array_size is None else range(spec.array_size):
        _run_task(spool, job_id, spec, index)
    with spool.locked():
        spool.set_ended(job_id)


def _run_task(spool: Spool, job_id: SlurmJobId, spec: JobSpec, index: int | None) -> None:
    before = spool.task(job_id, index)
    if before is not None:
        if before.state is JobState.RUNNING:
            _await_orphan(spool, job_id, spec, index, before)
        return
    with spool.locked():
        # Under the lock: a job is either cancelled before it begins, or told to end after.
        if spool.is_cancelled(job_id):
            spool.set_task(job_id, index, TaskRecord(state=JobState.CANCELLED, pid=0, pid_started=""))
            return
        try:
            process = _start(spool, job_id, spec, index)
        except OSError:
            failed = TaskRecord(
                state=JobState.FAILED, pid=0, pid_started="", exit_code=0, signal=_CANNOT_START
            )
            spool.set_task(job_id, index, failed)
            return
        record = TaskRecord(state=JobState.RUNNING, pid=process.pid, pid_started=start_time(process.pid))
        spool.set_task(job_id, index, record)
    ended = _watch(spool, job_id, record, limit=spec.resources.time_limit_min)
    # What the job left in the background ends with it, as on a cluster.
    signal_group(process.pid, signal.SIGKILL)
    process.returncode = 0
    spool.set_task(job_id, index, ended)


def _start(spool: Spool, job_id: SlurmJobId, spec: JobSpec, index: int | None) -> subprocess.Popen[bytes]:
    folder = str(Path(spec.script).parent)
    with Path(log_path(spec, job_id, index, folder=folder)).open("ab") as log:
        return subprocess.Popen(
            ["bash", str(spool.job_folder(job_id) / "script")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=job_environment(spec, job_id, index, folder=folder, base=os.environ),
            start_new_session=True,
        )


def _watch(spool: Spool, job_id: SlurmJobId, record: TaskRecord, *, limit: int | None) -> TaskRecord:
    """Wait for the end of a task; end it when it was cancelled or has used up its minutes."""
    pid = record.pid
    began = time.monotonic()
    deadline = None if limit is None else began + limit * 60
    told: JobState | None = None
    kill_at = 0.0
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        now = time.monotonic()
        if told is None:
            if spool.is_cancelled(job_id):
                told = JobState.CANCELLED
            elif deadline is not None and now > deadline:
                told = JobState.TIMEOUT
            if told is not None:
                signal_group(pid, signal.SIGTERM)
                kill_at = now + _GRACE_S
        elif now > kill_at:
            signal_group(pid, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_S)
    code = os.waitstatus_to_exitcode(status)
    # getrusage counts KiB, on macOS bytes.
    per_mib = _KIB_PER_MIB * _KIB_PER_MIB if sys.platform == "darwin" else _KIB_PER_MIB
    return dataclasses.replace(
        record,
        state=told or (JobState.COMPLETED if code == 0 else JobState.FAILED),
        exit_code=max(code, 0),
        signal=max(-code, 0) or (signal.SIGTERM.value if told else 0),
        elapsed_s=round(time.monotonic() - began),
        cpu_s=used.ru_utime + used.ru_stime,
        max_memory_mb=used.ru_maxrss / per_mib,
    )


def _await_orphan(
    spool: Spool, job_id: SlurmJobId, spec: JobSpec, index: int | None, record: TaskRecord
) -> None:
    """Wait for a task whose runner was killed, as jobs run one after the other."""
    kill_at: float | None = None
    while is_alive(record.pid, record.pid_started):
        if spool.is_cancelled(job_id):
            if kill_at is None:
                signal_group(record.pid, signal.SIGTERM)
                kill_at = time.monotonic() + _GRACE_S
            elif time.monotonic() > kill_at:
                signal_group(record.pid, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_S)
    job = JobRef(
        key=spec.key, job_id=job_id, folder=str(Path(spec.script).parent), array_size=spec.array_size
    )
    cancelled = spool.is_cancelled(job_id)
    spool.set_task(job_id, index, orphan_end(job, index, record, cancelled=cancelled))


if __name__ == "__main__":
    run_all(Spool(Path(sys.argv[1])))
