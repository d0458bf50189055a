"""Which tasks of a job that failed get another job by themselves, which asks for more or for another node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biomero.application.engine.attempts import Attempt
from biomero.application.engine.context import StepContext
from biomero.application.record_json import resources_to_json
from biomero.domain.job import JobReport, JobResources, JobState, TaskReport
from biomero.domain.retry import is_worth_retrying, next_resources
from biomero.domain.workflow_run import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class AnotherTry:
    """What the tasks that are tried again ask for together.

    Parameters
    ----------
    tasks
        Their indices; ``None`` stands for a job that is no array.
    """

    tasks: frozenset[int | None]
    resources: JobResources
    reason: str

    def record(self, run: WorkflowRun, step: str, images: Sequence[int]) -> None:
        """Record that the images of these tasks get another job."""
        asked = resources_to_json(self.resources)
        run.attempt_job(step, images, resources=asked, reason=self.reason)


def another_try(
    context: StepContext, attempt: Attempt, report: JobReport, asked: JobResources
) -> AnotherTry | None:
    """Say what to try again; ``None`` where nothing of what failed may go better.

    Parameters
    ----------
    asked
        All that the job asked for.
    """
    own = context.services.settings.workflows.get(context.request.workflow)
    policy = context.cluster.settings.retry_policy(own)
    number = _tries(context.run, attempt)
    failed = [t for t in report.failed_tasks if is_worth_retrying(t, asked, policy, attempt=number)]
    if not failed:
        return None
    longest = _longest_min(context, failed, asked)
    wanted = next_resources(failed, asked, policy, attempt=number, longest_min=longest)
    if wanted is None:  # it had as much time as there is
        return None
    states = ", ".join(dict.fromkeys(task.state.text for task in failed))
    return AnotherTry(tasks=frozenset(t.index for t in failed), resources=wanted, reason=states)


def _tries(run: WorkflowRun, attempt: Attempt) -> int:
    """Return how many jobs in a row were tried without a person; one that asks for something is of ours."""
    tries = 1
    for stored in reversed(run.attempts.get(attempt.step, [])):
        if not stored["resources"]:
            break
        tries += 1
    return tries


def _longest_min(context: StepContext, failed: Sequence[TaskReport], asked: JobResources) -> int | None:
    if not any(task.state is JobState.TIMEOUT for task in failed):
        return None
    for partition in context.cluster.scheduler.partitions():
        if partition.name == asked.partition or (asked.partition is None and partition.is_default):
            return partition.max_time_min
    return None
