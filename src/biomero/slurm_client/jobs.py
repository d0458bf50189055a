"""Documented calls around jobs: submit, ask, wait."""

from __future__ import annotations

import logging
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any
from uuid import UUID

from biomero.application.list_versions import workflow_versions
from biomero.application.script_api import convert, job_states, list_data, list_jobs, read_logs, run, wait
from biomero.application.script_api.hand_over import identity_in
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.application.settings import WorkflowSettings
from biomero.domain.job import JobRef, JobReport
from biomero.errors import BiomeroError, RecordError, UnknownTaskError, UnparsableOutputError, UsageError
from biomero.slurm_client.commands import CommandTexts
from biomero.slurm_client.job import SlurmJob
from biomero.slurm_client.result import Result
from biomero.slurm_client.tracking import TrackingCalls

logger = logging.getLogger("biomero.slurm_client")

Env = Mapping[str, str] | None
"""Variables that 2.x took for its commands; nothing here reads them."""

_SUBMITTED = re.compile(r"(?:Submitted batch job )?(\d+)(?:[;+].*| on cluster .*)?")


class JobCalls(CommandTexts, TrackingCalls):
    """Submits workflows and conversions, and says what became of jobs."""

    @cached_property
    def _ended_jobs(self) -> set[int]:
        """Jobs whose end this client has recorded."""
        return set()

    def list_active_jobs(self, env: Env = None) -> list[str]:
        """Return the ids of the account's jobs that have not ended, newest first."""
        del env
        return list_jobs.list_jobs(self._scripts, "active")

    def list_completed_jobs(self, env: Env = None) -> list[str]:
        """Return the ids of the account's jobs that ended well, newest first."""
        del env
        return list_jobs.list_jobs(self._scripts, "completed")

    def list_all_jobs(self, env: Env = None) -> list[str]:
        """Return the ids of the account's jobs, newest first."""
        del env
        return list_jobs.list_jobs(self._scripts, "all")

    def check_job_status(
        self, slurm_job_ids: Sequence[int | str], env: Env = None
    ) -> tuple[dict[int, str], Result]:
        """Return the state of each job, ``UNKNOWN`` where nobody knows it; see `job_states.job_states`."""
        states = job_states.job_states(self._scripts, list(slurm_job_ids), on_end=self._record_end)
        said = "".join(f"{job} {state}\n" for job, state in states.items())
        return states, Result(command="squeue; sacct", stdout=said, env=env or {})

    def get_active_job_progress(
        self, slurm_job_id: int | str, pattern: str = r"\d+%", env: Env = None
    ) -> str | None:
        """Return the last progress in a job's log, such as ``43%``; see `read_logs.job_progress`."""
        del env
        return read_logs.job_progress(self._scripts, slurm_job_id, pattern)

    def get_image_versions_and_data_files(self, model: str) -> tuple[list[str], list[str]]:
        """Return the versions of a workflow that are on the cluster, newest first, and the data folders."""
        return self._image_versions([model])[model], list_data.list_data(self._scripts)

    def get_all_image_versions_and_data_files(self) -> tuple[dict[str, list[str]], list[str]]:
        """Return that for all workflows."""
        return self._image_versions(list(self.slurm_model_repos)), list_data.list_data(self._scripts)

    def run_workflow(
        self,
        workflow_name: str,
        workflow_version: str,
        input_data: str,
        email: str | None = None,
        time: str | None = None,
        wf_id: UUID | str | None = None,
        **kwargs: Any,  # noqa: ANN401 - a parameter is of any type
    ) -> tuple[Result, int, UUID | None, UUID | None]:
        """Submit a workflow on a data folder, and record it as a task of a run.

        Parameters
        ----------
        wf_id
            The tracked run; a new one without it.
        kwargs
            Parameters by id, and ``use_gpu``. Those that are not given, or ``None``, have their defaults.

        Returns
        -------
        how the submission ended, the job's id, the run's and the task's (``None`` where nothing is tracked)

        Raises
        ------
        UsageError
            If workflow, version, data or a parameter is wrong; nothing was submitted.
        ClusterError
            If the cluster refused the job or cannot be reached.
        """
        wf_id, task_id = self._begin_task(
            wf_id, workflow_name, workflow_version, input_data, {**kwargs, "email": email, "time": time}
        )
        try:
            order = run.WorkflowOrder(
                workflow=workflow_name,
                version=str(workflow_version),
                data=input_data,
                email=email or None,
                time=time or None,
                values=kwargs,
                identity=str(task_id) if task_id else None,
            )
            job = run.run_workflow(self._scripts, order)
        except BiomeroError as exc:
            self._fail_task(task_id, str(exc))
            raise
        result = _submitted(job)
        self._record_job(task_id, job.job_id, result)
        return result, job.job_id, wf_id, task_id

    def run_workflow_job(
        self,
        workflow_name: str,
        workflow_version: str,
        input_data: str,
        email: str | None = None,
        time: str | None = None,
        wf_id: UUID | str | None = None,
        **kwargs: Any,  # noqa: ANN401 - a parameter is of any type
    ) -> SlurmJob:
        """Submit a workflow as `run_workflow` does, and return its job."""
        result, job_id, run_id, task_id = self.run_workflow(
            workflow_name, workflow_version, input_data, email, time, wf_id, **kwargs
        )
        return SlurmJob(result, job_id, run_id, task_id)

    def run_conversion_workflow_job(
        self,
        folder_name: str,
        source_format: str = "zarr",
        target_format: str = "tiff",
        wf_id: UUID | str | None = None,
    ) -> SlurmJob:
        """Submit the conversion of a data folder's images, one array task each, and return its job.

        Where nothing is to be converted there is no job, and the one that is returned has ended well.

        Raises
        ------
        UsageError
            If there are no such data or images, or nothing converts them.
        ClusterError
            If the cluster refused the job or cannot be reached.
        """
        name = f"convert_{source_format}_to_{target_format}"
        wf_id, task_id = self._begin_task(wf_id, name, "latest", folder_name, {})
        try:
            job = convert.convert_data(
                self._scripts,
                folder_name,
                source_format=source_format,
                target_format=target_format,
                identity=str(task_id) if task_id else None,
            )
        except BiomeroError as exc:
            self._fail_task(task_id, str(exc))
            raise
        if job is None:
            return SlurmJob(Result(command=name, stdout="nothing to convert\n"), 0, wf_id, task_id)
        result = _submitted(job)
        self._record_job(task_id, job.job_id, result)
        return SlurmJob(result, job.job_id, wf_id, task_id, log_file=job.log)

    def extract_job_id(self, result: Result) -> int:
        """Return the id of the job that a script's own ``sbatch`` has submitted.

        Raises
        ------
        UnparsableOutputError
            If its output tells none.
        """
        for line in result.stdout.splitlines():
            found = _SUBMITTED.fullmatch(line.strip())
            if found is not None:
                return int(found[1])
        raise UnparsableOutputError(f"sbatch told no job id: {result.stdout!r}")

    def _wait_for(self, job: SlurmJob, omero: Any) -> str:  # noqa: ANN401 - OMERO has no types
        """See `SlurmJob.wait_for_completion`."""
        if job.job_id < 1:  # nothing was to be done, or nothing was submitted
            return "COMPLETED" if job.ok else "FAILED"

        def on_look(look: wait.JobLook) -> None:
            job.job_state = look.state or job.job_state
            job.progress = look.progress or job.progress
            if omero is not None:
                omero.keepAlive()
            self._record_look(job.task_id, job.job_state, job.progress)

        state = wait.wait_for_job(
            self._scripts,
            job.job_id,
            on_look=on_look,
            on_end=self._record_end,
            interval_s=job.slurm_polling_interval,
        )
        if state != "COMPLETED":
            job.error_message = f"job {job.job_id} ended as {state}"
        return state

    def _image_versions(self, workflows: Iterable[str]) -> dict[str, list[str]]:
        known = self._settings.workflows
        asked = {name: known.get(name, WorkflowSettings(reference=name)) for name in workflows}
        found = workflow_versions(self._cluster, asked, self._catalogue)
        return {name: versions or self._own_version(name) for name, versions in found.items()}

    def _own_version(self, workflow: str) -> list[str]:
        """Return the version of a workflow that comes with BIOMERO: it runs without an image."""
        try:
            there = self._catalogue.find(workflow)
        except UsageError:
            return []
        return [there.version] if there.folder.is_relative_to(self._settings.shipped_workflows) else []

    def _begin_task(
        self,
        wf_id: UUID | str | None,
        name: str,
        version: str,
        data: str,
        parameters: Mapping[str, Any],
    ) -> tuple[UUID | None, UUID | None]:
        try:
            tracker = self.workflowTracker
            run_id = wf_id or tracker.initiate_workflow(name, version, None, None)
            if run_id is None:
                return None, None
            task_id = tracker.add_task_to_workflow(run_id, name, version, data, parameters)
            if task_id is not None:
                tracker.start_task(task_id)
        except RecordError as exc:
            logger.error("%s is not tracked: %s", name, exc)  # noqa: TRY400 - the trace says nothing more
            return UUID(str(wf_id)) if wf_id else None, None
        return UUID(str(run_id)), task_id

    def _fail_task(self, task_id: UUID | None, problem: str) -> None:
        if task_id is not None:
            self._record(lambda: self.workflowTracker.fail_task(task_id, problem))

    def _record_job(self, task_id: UUID | None, job_id: int, result: Result) -> None:
        if task_id is not None:
            self._record(lambda: self.workflowTracker.add_job_id(task_id, job_id))
            self._record(lambda: self.workflowTracker.add_result(task_id, result))

    def _record_end(self, job: JobRef, report: JobReport) -> None:
        """Record once what a job of a task used; jobs that nobody tracks are left alone."""
        task_id = identity_in(job.key)
        if task_id is None or job.job_id in self._ended_jobs:
            return

        def record() -> None:
            with suppress(UnknownTaskError):
                self.workflowTracker.end_job(task_id, job.job_id, report.tasks)
            self._ended_jobs.add(job.job_id)

        self._record(record)

    def _record_look(self, task_id: UUID | None, state: str | None, progress: str | None) -> None:
        if task_id is not None and state is not None:
            self._record(lambda: self.workflowTracker.update_task_status(task_id, state))
            self._record(lambda: self.workflowTracker.update_task_progress(task_id, progress))


def _submitted(job: SubmittedJob) -> Result:
    return Result(command=shlex.join(job.command), stdout=job.stdout, env=dict(job.environment))
