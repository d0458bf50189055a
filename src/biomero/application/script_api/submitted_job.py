"""A job that a script's call handed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biomero.application.script_api.session import DataFolder
from biomero.domain.job import JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJob:
    """A job that the scheduler has accepted.

    Parameters
    ----------
    log
        Where its output is on the cluster; for an array, ``%a`` stands for the task's number.
    command
        The words that the job runs, for the record; of an array, those of its first task.
    environment
        What the job sets for its program, for the record.
    """

    ref: JobRef
    folder: DataFolder
    log: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def job_id(self) -> int:
        """Slurm's number of the job."""
        return int(self.ref.job_id)

    @property
    def stdout(self) -> str:
        """What ``sbatch`` would have said."""
        return f"Submitted batch job {self.ref.job_id}\n"
