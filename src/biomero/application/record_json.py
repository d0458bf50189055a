"""Values of the domain as the plain values that events hold, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobResources, JobState, JobUsage, TaskReport
from biomero.domain.run_events import Json

_SPELT_BYTE = re.compile(r"\\udc([89a-f][0-9a-f])")


def safe_text(value: Any) -> Any:  # noqa: ANN401 - whatever stands in a record
    """Return text without bytes that are no text, which are spelt out; anything else as it is."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def plain_value(value: Any) -> Any:  # noqa: ANN401 - whatever a script passes
    """Return a value as JSON has it: text that a database can hold, numbers, lists, mappings.

    What JSON has no word for becomes the text that Python prints for it.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return safe_text(value.replace("\0", "\\0"))
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping():
            return {str(safe_text(str(k))): plain_value(v) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain_value(v) for v in value]
        case _:
            return safe_text(str(value))


def as_on_disk(name: str) -> str:
    r"""Return a file name as the disk has it, where `safe_text` has spelt bytes out as ``\udcXX``."""
    return _SPELT_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), name)


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


def resources_to_json(resources: JobResources) -> Json:
    """Return what a job asks for as plain values; what it leaves to the cluster is left out."""
    return {name: plain_value(value) for name, value in asdict(resources).items() if value}


def task_to_json(task: TaskReport) -> Json:
    """Return the report on a task as plain values; what is not known of its usage is left out."""
    usage = {name: value for name, value in asdict(task.usage).items() if value is not None}
    return {**asdict(task), "state": task.state.text, "usage": usage}


def task_from_json(value: Json) -> TaskReport:
    """Read what `task_to_json` wrote."""
    return TaskReport(**{**value, "state": JobState[value["state"]], "usage": JobUsage(**value["usage"])})
