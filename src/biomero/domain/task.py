"""The aggregate of a task: one step of a workflow run, as a script or a person drives it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate, event

Json = dict[str, Any]
"""Plain values, as JSON has them: what a stored event may hold."""

_TOPIC = "biomero.eventsourcing:Task"

INITIALIZED = "INITIALIZED"
"""The status of a task that was added and not yet started."""

RUNNING = "RUNNING"
COMPLETED = "COMPLETED"
FAILED = "FAILED"


class Task(Aggregate):
    """One step of a workflow run.

    Its status is whatever the driving script said last (often the state of a Slurm job), until the task
    ends: then it is ``COMPLETED`` or ``FAILED`` and stays so.
    """

    TOPIC: ClassVar[str] = _TOPIC

    class Created(Aggregate.Created):
        """The library's own event of creation; never stored, but it wants a name of its own."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.Created"

    class TaskCreated(Aggregate.Created):
        """A task was added to a run."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.TaskCreated"
        workflow_id: UUID
        task_name: str
        task_version: str
        input_data: Any
        params: Json

    class TaskStarted(Aggregate.Event):
        """Work on the task began."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.TaskStarted"

    class JobIdAdded(Aggregate.Event):
        """A Slurm job works on the task."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.JobIdAdded"
        job_id: int | str

    class JobEnded(Aggregate.Event):
        """A Slurm job of the task has ended; what accounting says of it, array tasks one by one."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.JobEnded"
        job_id: int
        tasks: list[Json]

    class StatusUpdated(Aggregate.Event):
        """The task, or its job, is in another state."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.StatusUpdated"
        status: str

    class ProgressUpdated(Aggregate.Event):
        """The task came further, or nobody knows any more how far it is."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ProgressUpdated"
        progress: str | None

    class ResultAdded(Aggregate.Event):
        """A command was run for the task."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.ResultAdded"
        result: Json

    class TaskCompleted(Aggregate.Event):
        """The task ended well."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.TaskCompleted"
        result: str | None

    class TaskFailed(Aggregate.Event):
        """The task ended without what it was for."""

        TOPIC: ClassVar[str] = f"{_TOPIC}.TaskFailed"
        error_message: str | None

    @event(TaskCreated)
    def __init__(
        self,
        *,
        workflow_id: UUID,
        task_name: str,
        task_version: str,
        input_data: Any,  # noqa: ANN401 - what scripts give: text, a number, a list, a mapping
        params: Json,
    ) -> None:
        self.workflow_id = workflow_id
        self.task_name = task_name
        self.task_version = task_version
        self.input_data = input_data
        self.params = params
        self.job_ids: list[int | str] = []
        self.ended_jobs: dict[int, list[Json]] = {}
        self.results: list[Json] = []
        self.result_message: str | None = None
        self.status = INITIALIZED
        self.progress: str | None = None
        self.is_started = False
        self._said: str | None = None

    @staticmethod
    def create_id() -> UUID:
        """Return a new random id."""
        from uuid import uuid4  # noqa: PLC0415 - eventsourcing looks the name up on the class

        return uuid4()

    @property
    def has_ended(self) -> bool:
        """The task was completed or failed; what comes later changes nothing."""
        return self.status in {COMPLETED, FAILED} and self.result_message is not None

    def start(self) -> None:
        """Begin work; beginning twice changes nothing."""
        if not self.is_started and not self.has_ended:
            self._start()

    @event(TaskStarted)
    def _start(self) -> None:
        self.status = RUNNING
        self.is_started = True

    def add_job_id(self, job_id: int) -> None:
        """Record that a Slurm job works on the task."""
        if job_id not in self.job_ids:
            self._add_job_id(job_id=job_id)

    @event(JobIdAdded)
    def _add_job_id(self, job_id: int | str) -> None:
        self.job_ids.append(job_id)
        self._said = None  # what was said of another job is news for this one

    def end_job(self, job_id: int, tasks: list[Json]) -> None:
        """Record how a job of this task ended and what it used, where that is new.

        It may be known only after the task has ended.
        """
        if job_id in map(_number, self.job_ids) and self.ended_jobs.get(job_id) != tasks:
            self._end_job(job_id=job_id, tasks=tasks)

    @event(JobEnded)
    def _end_job(self, job_id: int, tasks: list[Json]) -> None:
        self.ended_jobs[job_id] = tasks

    def update_status(self, status: str) -> None:
        """Record what is said of the task or its job, where that was not said last time."""
        if status != self._said and not self.has_ended:
            self._update_status(status=status)

    @event(StatusUpdated)
    def _update_status(self, status: str) -> None:
        self.status = self._said = status

    def update_progress(self, progress: str | None) -> None:
        """Record how far the task is, where that is new; a look that found nothing is no news."""
        if progress is not None and progress != self.progress and not self.has_ended:
            self._update_progress(progress=progress)

    @event(ProgressUpdated)
    def _update_progress(self, progress: str | None) -> None:
        self.progress = progress

    def add_result(self, result: Json) -> None:
        """Record a command that was run, and what it said."""
        self._add_result(result=result)

    @event(ResultAdded)
    def _add_result(self, result: Json) -> None:
        self.results.append(result)

    def complete(self, result: str) -> None:
        """End the task well."""
        if not self.has_ended:
            self._complete(result=result)

    @event(TaskCompleted)
    def _complete(self, result: str | None) -> None:
        self.result_message = result or ""
        self.status = COMPLETED

    def fail(self, error_message: str) -> None:
        """End the task without what it was for."""
        if not self.has_ended:
            self._fail(error_message=error_message)

    @event(TaskFailed)
    def _fail(self, error_message: str | None) -> None:
        self.result_message = error_message or ""
        self.status = FAILED


def _number(job_id: int | str) -> int | None:
    """Return a job's id as a number; BIOMERO 2 took text, too."""
    text = str(job_id)
    return int(text) if text.isdigit() else None
