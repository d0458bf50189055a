"""Whose job is it: ``biomero_job_view``."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.application.projections.projection import NO_USER, job_task_id
from biomero.application.projections.slurm_jobs import slurm_job_id
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun


class JobAccountingProjection:
    """Keeps the OMERO user, the group and the task of every Slurm job."""

    name: ClassVar[str] = "JobAccounting"
    tables: ClassVar[tuple[Table, ...]] = (Table.JOBS,)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (Task.JobIdAdded, WorkflowRun.JobSubmitted)

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case Task.JobIdAdded():
                job_id = slurm_job_id(event.job_id)
                task = rows.get(Table.KNOWN_TASKS, event.originator_id)
                if job_id is not None and task is not None:
                    _put(rows, job_id, run_id=task["workflow_id"], task_id=event.originator_id)
            case WorkflowRun.JobSubmitted():
                run = rows.get(Table.KNOWN_RUNS, event.originator_id)
                # what this machine runs by itself has ids of its own, which are no Slurm job's
                job_id = slurm_job_id(event.job["job_id"])
                if job_id is not None and run is not None and run["cluster"] is not None:
                    _put(
                        rows,
                        job_id,
                        run_id=event.originator_id,
                        task_id=job_task_id(event.originator_id, event.key),
                    )


def _put(rows: Rows, job_id: int, *, run_id: UUID, task_id: UUID) -> None:
    run = rows.get(Table.KNOWN_RUNS, run_id) or {"user": None, "group": None}
    rows.put(
        Table.JOBS,
        job_id,
        {
            "slurm_job_id": job_id,
            "user": NO_USER if run["user"] is None else run["user"],
            "group": NO_USER if run["group"] is None else run["group"],
            "task_id": task_id,
        },
    )
