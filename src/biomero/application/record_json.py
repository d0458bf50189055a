"""Values of the domain as the plain values that events hold, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobState, JobUsage, TaskReport
from biomero.domain.workflow_run import Json


def safe_text(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a record
    """Return text without bytes that are no text, which are spelt out; anything else as it is."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def failure_to_json(failure: Failure) -> Json:
    """Return a failure as plain values."""
    return {
        **{name: safe_text(value) for name, value in asdict(failure).items()},
        "failure_class": failure.failure_class.value,
        "log_tail": [safe_text(line) for line in failure.log_tail],
    }


def failure_from_json(value: Json) -> Failure:
    """Read what `failure_to_json` wrote."""
    return Failure(
        **{
            **value,
            "failure_class": FailureClass(value["failure_class"]),
            "log_tail": tuple(value["log_tail"]),
        }
    )


def job_to_json(job: JobRef) -> Json:
    """Return a submitted job as plain values."""
    return asdict(job)


def job_from_json(value: Json) -> JobRef:
    """Read what `job_to_json` wrote."""
    return JobRef(**{**value, "key": JobKey(value["key"]), "job_id": SlurmJobId(value["job_id"])})


def task_to_json(task: TaskReport) -> Json:
    """Return the report on a task as plain values."""
    return {**asdict(task), "state": task.state.text}


def task_from_json(value: Json) -> TaskReport:
    """Read what `task_to_json` wrote."""
    return TaskReport(**{**value, "state": JobState[value["state"]], "usage": JobUsage(**value["usage"])})
