"""The aggregate of a run: what was asked for, and everything that became of it.

Statuses are the fold of a run's events; nothing else holds them. A run is driven by our engine, which knows
what exactly was asked for, or by a script through `WorkflowTracker`, which adds tasks and says how it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate, event

from biomero.domain.ids import RunId
from biomero.domain.run_events import TOPIC, Json, RunEvents
from biomero.domain.run_status import ImageStage, RunStatus

_WORTH_TELLING_PERCENT = 5


class WorkflowRun(RunEvents, Aggregate):
    """One execution of a workflow on some images."""

    TOPIC: ClassVar[str] = TOPIC

    class Created(Aggregate.Created):
        """The library's own event of creation; never stored, but it wants a name of its own."""

        TOPIC: ClassVar[str] = f"{TOPIC}.Created"

    class WorkflowInitiated(Aggregate.Created):
        """A run came into being."""

        TOPIC: ClassVar[str] = f"{TOPIC}.WorkflowInitiated"
        name: str
        description: str
        user: int | None
        group: int | None

    @event(WorkflowInitiated)
    def __init__(self, *, name: str, description: str, user: int | None, group: int | None) -> None:
        self.name = name
        self.description = description
        self.user = user
        self.group = group
        self.tasks: list[UUID] = []
        self.request: Json = {}
        self.error_message: str | None = None
        self.status = RunStatus.SUBMITTED
        self.step = RunStatus.SUBMITTED
        self.program_identity = ""
        self.command: list[str] = []
        self.stages: dict[int, ImageStage | None] = {}
        self.image_failures: dict[int, Json] = {}
        self.image_hashes: dict[int, str] = {}
        self.jobs: dict[str, Json] = {}
        self.outputs: list[Json] = []
        self.problems: list[str] = []
        self.objects: list[Json] = []
        self.results_at: list[str] = []
        self.images_at: str | None = None
        self.cancel_requested_by: str | None = None
        self.failure: Json | None = None
        self.sessions: list[Json] = []
        self.pause_requested_by: str | None = None
        self.trouble: Json | None = None
        self.round = 0
        self.asked: list[int] | None = None
        self.attempts: dict[str, list[Json]] = {}

    @classmethod
    def with_id(
        cls, run_id: RunId, *, name: str, description: str, user: int | None, group: int | None
    ) -> WorkflowRun:
        """Return a new run whose id was chosen, so that the same wish told twice is the same run."""
        return cls._create(
            cls.WorkflowInitiated,
            id=UUID(run_id),
            name=name,
            description=description,
            user=user,
            group=group,
        )

    @staticmethod
    def create_id() -> UUID:
        """Return a new random id."""
        from uuid import uuid4  # noqa: PLC0415 - eventsourcing looks the name up on the class

        return uuid4()

    @property
    def run_id(self) -> RunId:
        """The run's id, as everybody sees it."""
        return RunId(str(self.id))

    def add_task(self, task_id: UUID) -> None:
        """Record that a task is a step of this run."""
        if task_id not in self.tasks:
            self._add_task(task_id=task_id)

    @event(RunEvents.TaskAdded)
    def _add_task(self, task_id: UUID) -> None:
        self.tasks.append(task_id)

    def start(self) -> None:
        """Record that work began, for runs that a script drives; beginning twice changes nothing."""
        if self.status is RunStatus.SUBMITTED:
            self._start()

    @event(RunEvents.WorkflowStarted)
    def _start(self) -> None:
        self.status = self.step = RunStatus.RUNNING

    def accept(self, request: Json) -> None:
        """Record what was asked for."""
        self._accept(request=request)

    @event(RunEvents.RunRequested)
    def _accept(self, request: Json) -> None:
        self.request = request
        self.stages = dict.fromkeys((int(image["index"]) for image in request["images"]), None)

    def advance(self, status: RunStatus) -> None:
        """Go on to a step; going on to where the run stands changes nothing."""
        if status is not self.status and not self.status.is_final:
            self._advance(status=status.value)

    @event(RunEvents.StatusChanged)
    def _advance(self, status: str) -> None:
        self.status = self.step = RunStatus(status)
        self.trouble = None

    def prepare_program(self, identity: str, command: Sequence[str]) -> None:
        """Record what exactly is going to run."""
        if (identity, list(command)) != (self.program_identity, self.command):
            self._prepare_program(identity=identity, command=list(command))

    @event(RunEvents.ProgramPrepared)
    def _prepare_program(self, identity: str, command: list[str]) -> None:
        self.program_identity = identity
        self.command = command

    def hash_image(self, index: int, sha256: str) -> None:
        """Record what the source of an image held."""
        if self.image_hashes.get(index) != sha256:
            self._hash_image(index=index, sha256=sha256)

    @event(RunEvents.ImageHashed)
    def _hash_image(self, index: int, sha256: str) -> None:
        self.image_hashes[index] = sha256

    def advance_images(self, indices: Sequence[int], stage: ImageStage) -> None:
        """Record that images came further; images that failed or stand there already are left out."""
        new = [i for i in indices if i not in self.image_failures and self.stages.get(i) is not stage]
        if new and not self.status.is_final:
            self._advance_images(indices=new, stage=stage.value)

    @event(RunEvents.ImagesAdvanced)
    def _advance_images(self, indices: list[int], stage: str) -> None:
        self.stages.update(dict.fromkeys(indices, ImageStage(stage)))

    def fail_images(self, failures: Mapping[int, Json]) -> None:
        """Record why images will not come further; the first reason stays."""
        new = {str(i): failure for i, failure in failures.items() if i not in self.image_failures}
        if new and not self.status.is_final:
            self._fail_images(failures=new)

    @event(RunEvents.ImagesFailed)
    def _fail_images(self, failures: Json) -> None:
        self.image_failures.update({int(i): failure for i, failure in failures.items()})

    @property
    def good_images(self) -> list[int]:
        """The indices of the images that have not failed."""
        return [i for i in sorted(self.stages) if i not in self.image_failures]

    @property
    def asked_images(self) -> list[int]:
        """The indices of the images that the present round is about; all of them in the first."""
        return sorted(self.stages) if self.asked is None else self.asked

    def attempt_of(self, step: str) -> int:
        """Return the number of a step's newest job, from 1; each has its own key."""
        return 1 + len(self.attempts.get(step, []))

    def attempt_job(self, step: str, images: Sequence[int], *, resources: Json, reason: str) -> None:
        """Record that some images get another job of a step: it asks for something else, or is for fewer."""
        if images and not self.status.is_final:
            self._attempt_job(step=step, images=list(images), resources=resources, reason=reason)

    @event(RunEvents.JobAttempted)
    def _attempt_job(self, step: str, images: list[int], resources: Json, reason: str) -> None:  # noqa: ARG002 - for people
        self._add_attempt(step, images, resources)

    def _add_attempt(self, step: str, images: list[int], resources: Json) -> None:
        before = self.attempts.get(step, [])
        self.attempts[step] = [*before, {"images": images, "resources": resources}]

    def request_job(
        self, key: str, step: str, *, resources: Json | None = None, array_size: int | None = None
    ) -> None:
        """Record that a job is about to be submitted: the effect that follows cannot be undone.

        Parameters
        ----------
        resources
            What is asked for; what is left to the cluster's defaults may be left out.
        """
        if key not in self.jobs:
            self._request_job(key=key, step=step, resources=resources or {}, array_size=array_size)

    @event(RunEvents.JobRequested)
    def _request_job(
        self,
        key: str,
        step: str,
        resources: Json,  # noqa: ARG002 - for the views; nothing here depends on it
        array_size: int | None,
    ) -> None:
        self.jobs[key] = {"key": key, "step": step, "job": None, "tasks": [], "array_size": array_size}

    def submit_job(self, key: str, job: Json) -> None:
        """Record that the scheduler accepted a job."""
        if self.jobs[key]["job"] != job:
            self._submit_job(key=key, job=job)

    @event(RunEvents.JobSubmitted)
    def _submit_job(self, key: str, job: Json) -> None:
        self.jobs[key] = {**self.jobs[key], "job": job}

    def report_job(self, key: str, tasks: list[Json]) -> None:
        """Record what the scheduler says, where it is new."""
        if self.jobs[key]["tasks"] != tasks:
            self._report_job(key=key, tasks=tasks)

    @event(RunEvents.JobReported)
    def _report_job(self, key: str, tasks: list[Json]) -> None:
        self.jobs[key] = {**self.jobs[key], "tasks": tasks}

    def make_progress(self, key: str, percent: int) -> None:
        """Record how far a job says it is, where that is worth an event."""
        known = self.jobs[key].get("percent", 0)
        if abs(percent - known) >= _WORTH_TELLING_PERCENT and not self.status.is_final:
            self._make_progress(key=key, percent=percent)

    @event(RunEvents.ProgressMade)
    def _make_progress(self, key: str, percent: int) -> None:
        self.jobs[key] = {**self.jobs[key], "percent": percent}

    def deliver(self, outputs: list[Json], problems: list[str]) -> None:
        """Record the results that stand where they were wanted, and what did not work on the way."""
        if (outputs, problems) != (self.outputs, self.problems) and not self.status.is_final:
            self._deliver(outputs=outputs, problems=problems)

    @event(RunEvents.OutputsDelivered)
    def _deliver(self, outputs: list[Json], problems: list[str]) -> None:
        self.outputs = outputs
        self.problems = problems

    def make_objects(self, objects: list[Json], problems: list[str]) -> None:
        """Record what is in OMERO now, and what did not work on the way."""
        if (objects != self.objects or problems) and not self.status.is_final:
            self._make_objects(objects=objects, problems=problems)

    @event(RunEvents.ObjectsMade)
    def _make_objects(self, objects: list[Json], problems: list[str]) -> None:
        self.objects = objects
        self.problems = [*self.problems, *problems]

    def place_results(self, places: list[str]) -> None:
        """Record where in OMERO results are; what earlier rounds put elsewhere stays there."""
        if set(places) - set(self.results_at) and not self.status.is_final:
            self._place_results(places=places)

    @event(RunEvents.ResultsPlaced)
    def _place_results(self, places: list[str]) -> None:
        self.results_at = list(dict.fromkeys([*self.results_at, *places]))

    def leave_images(self, folder: str) -> None:
        """Record where on the cluster images stay."""
        if folder != self.images_at and not self.status.is_final:
            self._leave_images(folder=folder)

    @event(RunEvents.ImagesLeft)
    def _leave_images(self, folder: str) -> None:
        self.images_at = folder

    def request_cancel(self, requested_by: str) -> None:
        """Record that somebody wants the run to end; too late or twice changes nothing."""
        if not self.status.is_final and self.cancel_requested_by is None:
            self._request_cancel(requested_by=requested_by)

    @event(RunEvents.CancelRequested)
    def _request_cancel(self, requested_by: str) -> None:
        self.cancel_requested_by = requested_by

    def cancel(self) -> None:
        """End the run because somebody wanted it to."""
        if not self.status.is_final:
            self._cancel()

    @event(RunEvents.RunCancelled)
    def _cancel(self) -> None:
        self.status = RunStatus.CANCELLED

    def pause(self, failure: Json) -> None:
        """Wait for a person; the step is kept, and resuming goes on there."""
        if not self.status.is_final and self.status is not RunStatus.PAUSED:
            self._pause(failure=failure)

    @event(RunEvents.RunPaused)
    def _pause(self, failure: Json) -> None:
        self.status = RunStatus.PAUSED
        self.failure = failure

    def request_pause(self, requested_by: str) -> None:
        """Record that somebody wants the run to stop for a while; where it has stopped, nothing changes."""
        is_open = not self.status.is_final and self.status is not RunStatus.PAUSED
        if is_open and self.pause_requested_by is None:
            self._request_pause(requested_by=requested_by)

    @event(RunEvents.PauseRequested)
    def _request_pause(self, requested_by: str) -> None:
        self.pause_requested_by = requested_by

    def hold(self) -> None:
        """Stop because somebody wanted it; the step is kept, and resuming goes on there."""
        if not self.status.is_final and self.status is not RunStatus.PAUSED:
            self._hold()

    @event(RunEvents.RunHeld)
    def _hold(self) -> None:
        self.status = RunStatus.PAUSED
        self.failure = None

    def resume(self, requested_by: str = "") -> None:
        """Go on where the run was paused, or take back a pause that has not happened yet."""
        if self.status is RunStatus.PAUSED:
            self._resume(requested_by=requested_by)
        elif self.pause_requested_by is not None:
            self._take_back_pause(requested_by=requested_by)

    @event(RunEvents.ResumeRequested)
    def _take_back_pause(self, requested_by: str) -> None:  # noqa: ARG002 - for people
        self.pause_requested_by = None

    @event(RunEvents.RunResumed)
    def _resume(self, requested_by: str) -> None:  # noqa: ARG002 - for the views; nothing here depends on it
        self.status = self.step
        self.failure = None
        self.pause_requested_by = None

    def retry_step(self, step: str, attempt: int, failure: Json, *, after_s: float) -> None:
        """Record that a step went wrong in a way that may pass, and when it is tried again."""
        if not self.status.is_final:
            self._retry_step(step=step, attempt=attempt, failure=failure, after_s=after_s)

    @event(RunEvents.StepRetried)
    def _retry_step(self, step: str, attempt: int, failure: Json, after_s: float) -> None:  # noqa: ARG002 - for people
        self.trouble = failure

    def request_retry(
        self,
        requested_by: str,
        *,
        status: RunStatus,
        images: Sequence[int],
        job_steps: Sequence[str] = (),
        is_new_round: bool = False,
    ) -> None:
        """Open a run that has ended or waits for a person, for some of its images.

        Parameters
        ----------
        status
            Where it goes on.
        images
            What is said of them as failed is taken back.
        job_steps
            The steps that get jobs of new keys, for these images.
        is_new_round
            They begin at the beginning; only they are dealt with, and all others stay as they are.
        """
        if self.status.is_final or self.status is RunStatus.PAUSED:
            self._request_retry(
                requested_by=requested_by,
                status=status.value,
                images=list(images),
                job_steps=list(job_steps),
                is_new_round=is_new_round,
            )

    @event(RunEvents.RetryRequested)
    def _request_retry(
        self,
        requested_by: str,  # noqa: ARG002 - for people
        status: str,
        images: list[int],
        job_steps: list[str],
        is_new_round: bool,  # noqa: FBT001 - as the event has it
    ) -> None:
        self.status = self.step = RunStatus(status)
        self.failure = self.error_message = self.trouble = None
        self.cancel_requested_by = self.pause_requested_by = None
        for index in images:
            self.image_failures.pop(index, None)
        for step in job_steps:
            self._add_attempt(step, images, {})
        if is_new_round:
            self.round += 1
            self.asked = images
            self.stages.update(dict.fromkeys(images, None))

    def count_session(self, counts: Json) -> None:
        """Record what a driving process cost the cluster."""
        self._count_session(counts=counts)

    @event(RunEvents.SessionCounted)
    def _count_session(self, counts: Json) -> None:
        self.sessions.append(counts)

    def complete(self) -> None:
        """End the run well."""
        if not self.status.is_final:
            self._complete()

    @event(RunEvents.WorkflowCompleted)
    def _complete(self) -> None:
        self.status = RunStatus.DONE

    def fail(self, failure: Json) -> None:
        """End the run without its results, keeping the evidence."""
        if not self.status.is_final:
            self._classify(failure=failure)
            self._fail(error_message=str(failure["message"]))

    @event(RunEvents.FailureClassified)
    def _classify(self, failure: Json) -> None:
        self.failure = failure

    def fail_without_evidence(self, error_message: str) -> None:
        """End the run without its results; all that is known is a sentence."""
        if not self.status.is_final:
            self._fail(error_message=error_message)

    @event(RunEvents.WorkflowFailed)
    def _fail(self, error_message: str) -> None:
        self.error_message = error_message
        self.status = RunStatus.FAILED
