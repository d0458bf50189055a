"""How far is a job: ``biomero_job_progress_view``."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.application.projections.projection import update
from biomero.application.projections.slurm_jobs import job_progress, job_state, slurm_job_id
from biomero.domain.run_events import RunEvents
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun


class JobProgressProjection:
    """Keeps the last known state of every Slurm job, and its progress."""

    name: ClassVar[str] = "JobProgress"
    tables: ClassVar[tuple[Table, ...]] = (Table.JOB_PROGRESS, Table.TASK_JOBS)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        Task.JobIdAdded,
        Task.StatusUpdated,
        Task.ProgressUpdated,
        WorkflowRun.JobSubmitted,
        WorkflowRun.JobReported,
        WorkflowRun.ProgressMade,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case WorkflowRun.JobSubmitted() | WorkflowRun.JobReported() | WorkflowRun.ProgressMade():
                _project_engine(event, rows)
            case Task.JobIdAdded():
                job_id = slurm_job_id(event.job_id)
                if job_id is not None:
                    row = {"task_id": event.originator_id, "slurm_job_id": job_id}
                    rows.put(Table.TASK_JOBS, event.originator_id, row)
                    # controllers give ids out again; what was known is of another job
                    rows.remove(Table.JOB_PROGRESS, job_id)
            case Task.StatusUpdated() | Task.ProgressUpdated():
                job = rows.get(Table.TASK_JOBS, event.originator_id)
                if job is None:
                    return
                job_id = job["slurm_job_id"]
                if isinstance(event, Task.ProgressUpdated):
                    update(rows, Table.JOB_PROGRESS, job_id, progress=event.progress)
                else:
                    known = rows.get(Table.JOB_PROGRESS, job_id) or {"progress": None}
                    rows.put(
                        Table.JOB_PROGRESS,
                        job_id,
                        {**known, "slurm_job_id": job_id, "status": event.status},
                    )


_Told = RunEvents.JobSubmitted | RunEvents.JobReported | RunEvents.ProgressMade


def _project_engine(event: _Told, rows: Rows) -> None:
    run = rows.get(Table.KNOWN_RUNS, event.originator_id)
    if run is None or run["cluster"] is None:
        return  # no Slurm job
    if isinstance(event, WorkflowRun.JobSubmitted):
        job_id = slurm_job_id(event.job["job_id"])
        if job_id is not None:
            rows.remove(Table.JOB_PROGRESS, job_id)
        return
    job = rows.get(Table.KNOWN_JOBS, event.key)
    job_id = None if job is None else job["slurm_job_id"]
    if job_id is None:
        return
    if isinstance(event, WorkflowRun.ProgressMade):
        update(rows, Table.JOB_PROGRESS, job_id, progress=f"{event.percent}%")
        return
    state = job_state(event.tasks)
    if state is not None:
        known = rows.get(Table.JOB_PROGRESS, job_id) or {"progress": None}
        progress = job_progress(event.tasks) or known["progress"]
        row = {"slurm_job_id": job_id, "status": state.text, "progress": progress}
        rows.put(Table.JOB_PROGRESS, job_id, row)
