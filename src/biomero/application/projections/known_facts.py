"""What never changes of runs, tasks and jobs, for the other projections to look up."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.application.projections.projection import moment
from biomero.application.projections.slurm_jobs import slurm_job_id
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun


class KnownFacts:
    """Keeps who a run belongs to, and which run a task or job belongs to.

    These facts do not change once they are written, so that it may be ahead of the other views.
    """

    name: ClassVar[str] = "KnownFacts"
    tables: ClassVar[tuple[Table, ...]] = (Table.KNOWN_RUNS, Table.KNOWN_TASKS, Table.KNOWN_JOBS)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (
        WorkflowRun.WorkflowInitiated,
        WorkflowRun.RunRequested,
        WorkflowRun.JobRequested,
        WorkflowRun.JobSubmitted,
        Task.TaskCreated,
    )

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        match event:
            case WorkflowRun.WorkflowInitiated():
                rows.put(
                    Table.KNOWN_RUNS,
                    event.originator_id,
                    {
                        "workflow_id": event.originator_id,
                        "name": event.name,
                        "user": event.user,
                        "group": event.group,
                        "start_time": moment(event),
                        "cluster": None,
                        "workflow_version": None,
                    },
                )
            case WorkflowRun.RunRequested():
                known = rows.get(Table.KNOWN_RUNS, event.originator_id)
                if known is not None:
                    asked = {
                        "cluster": event.request.get("cluster"),
                        "workflow_version": event.request.get("workflow_version"),
                    }
                    rows.put(Table.KNOWN_RUNS, event.originator_id, {**known, **asked})
            case WorkflowRun.JobRequested():
                rows.put(
                    Table.KNOWN_JOBS,
                    event.key,
                    {
                        "key": event.key,
                        "workflow_id": event.originator_id,
                        "step": event.step,
                        "slurm_job_id": None,
                    },
                )
            case WorkflowRun.JobSubmitted():
                job = rows.get(Table.KNOWN_JOBS, event.key)
                if job is not None:
                    rows.put(
                        Table.KNOWN_JOBS,
                        event.key,
                        {**job, "slurm_job_id": slurm_job_id(event.job["job_id"])},
                    )
            case Task.TaskCreated():
                rows.put(
                    Table.KNOWN_TASKS,
                    event.originator_id,
                    {
                        "task_id": event.originator_id,
                        "workflow_id": event.workflow_id,
                        "task_name": event.task_name,
                    },
                )
