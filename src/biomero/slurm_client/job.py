"""A submitted job, as scripts wait for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from biomero.slurm_client.result import Result

if TYPE_CHECKING:
    from uuid import UUID

    from biomero.slurm_client.client import SlurmClient

logger = logging.getLogger("biomero.slurm_client")

SLURM_POLLING_INTERVAL = 10


class SlurmJob:
    """A job that was handed to Slurm, and what became of it.

    Parameters
    ----------
    submit_result
        How its submission ended.
    slurm_polling_interval
        How often Slurm is asked at most, in seconds.
    log_file
        Its log; found by its id if it is not given.
    """

    SLURM_POLLING_INTERVAL = SLURM_POLLING_INTERVAL

    def __init__(
        self,
        submit_result: Result,
        job_id: int,
        wf_id: UUID | None,
        task_id: UUID | None,
        slurm_polling_interval: int = SLURM_POLLING_INTERVAL,
        log_file: str | None = None,
    ) -> None:
        self.submit_result = submit_result
        self.job_id = job_id
        self.wf_id = wf_id
        self.task_id = task_id
        self.slurm_polling_interval = slurm_polling_interval
        self.log_file = log_file
        self.ok = submit_result.ok
        self.job_state: str | None = None
        self.progress: str | None = None
        self.error_message = "" if submit_result.ok else submit_result.stderr

    def wait_for_completion(self, slurmClient: SlurmClient, omeroConn: Any) -> str:  # noqa: ANN401 - the documented names; OMERO has no types
        """Wait until the job has ended, whichever way, and return its state as Slurm spells it.

        A lost connection is waited out. What changes meanwhile is told to the workflow tracker; OMERO's
        session is kept alive.
        """
        self.job_state = slurmClient._wait_for(self, omeroConn)  # noqa: SLF001 - one class in two parts
        return self.job_state

    def cleanup(self, slurmClient: SlurmClient) -> Result:
        """Remove what the job left outside its data folder."""
        if self.job_id < 1:
            return Result(command="clean up", stdout="there was no job\n")
        return slurmClient.cleanup_tmp_files(self.job_id, logfile=self.log_file)

    def completed(self) -> bool:
        """Say whether the job ended well."""
        return self.job_state == "COMPLETED"

    def get_error(self) -> str:
        """Return why the job could not be submitted, or did not end well; empty if it did."""
        return self.error_message

    def __str__(self) -> str:
        return (
            f"SlurmJob(job_id={self.job_id}, job_state={self.job_state}, progress={self.progress}, "
            f"wf_id={self.wf_id}, task_id={self.task_id})"
        )
