"""Tasks whose runner was killed: how they ended can only be read from what they left behind."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from biomero.adapters.local.spool import TaskRecord
from biomero.domain.exit_record import ExitRecord, exit_file_prefix, parse_exit_files
from biomero.domain.job import JobRef, JobState


def orphan_end(job: JobRef, index: int | None, record: TaskRecord, *, cancelled: bool) -> TaskRecord:
    """Return how a task ended that nobody watched.

    Without an exit file it ended with its machine or by force: ``NODE_FAIL``.
    """
    ended = _exit_record(job, index)
    state = ended.state if ended else JobState.NODE_FAIL
    if cancelled:
        state = JobState.CANCELLED
    if ended is None:
        return dataclasses.replace(record, state=state)
    return dataclasses.replace(
        record,
        state=state,
        exit_code=ended.exit_code,
        signal=ended.signal,
        elapsed_s=ended.usage.elapsed_s,
    )


def _exit_record(job: JobRef, index: int | None) -> ExitRecord | None:
    path = Path(exit_file_prefix(job) + ("" if index is None else f".{index}"))
    try:
        records = parse_exit_files(path.read_text())
    except FileNotFoundError:
        return None
    return next(iter(records), None)
