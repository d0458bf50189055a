"""Events in a line of words each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from eventsourcing.domain import DomainEvent

from biomero.domain.run_events import Json
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

_LONGEST = 300

TOLD: tuple[type[DomainEvent], ...] = (
    WorkflowRun.WorkflowInitiated,
    WorkflowRun.RunRequested,
    WorkflowRun.WorkflowStarted,
    WorkflowRun.StatusChanged,
    WorkflowRun.ProgramPrepared,
    WorkflowRun.ImagesAdvanced,
    WorkflowRun.ImagesFailed,
    WorkflowRun.ImageHashed,
    WorkflowRun.JobRequested,
    WorkflowRun.JobSubmitted,
    WorkflowRun.JobReported,
    WorkflowRun.ProgressMade,
    WorkflowRun.OutputsDelivered,
    WorkflowRun.ObjectsMade,
    WorkflowRun.ResultsPlaced,
    WorkflowRun.ImagesLeft,
    WorkflowRun.CancelRequested,
    WorkflowRun.PauseRequested,
    WorkflowRun.ResumeRequested,
    WorkflowRun.RetryRequested,
    WorkflowRun.StepRetried,
    WorkflowRun.JobAttempted,
    WorkflowRun.RunHeld,
    WorkflowRun.RunPaused,
    WorkflowRun.RunResumed,
    WorkflowRun.SessionCounted,
    WorkflowRun.WorkflowCompleted,
    WorkflowRun.WorkflowFailed,
    WorkflowRun.FailureClassified,
    WorkflowRun.RunCancelled,
    Task.TaskCreated,
    Task.TaskStarted,
    Task.JobIdAdded,
    Task.JobEnded,
    Task.StatusUpdated,
    Task.ProgressUpdated,
    Task.ResultAdded,
    Task.TaskCompleted,
    Task.TaskFailed,
)
"""All events of which people want to hear; that a run got a task is told when the task is made."""


def text_of(event: Any) -> str:  # noqa: ANN401 - one of `TOLD`
    """Return an event in one line. What commands held and printed is left out: it may be confidential."""
    line = " ".join(_words(event).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _words(event: Any) -> str:  # noqa: ANN401 - one of `TOLD`
    if is_of_task(event):
        return _of_task(event)
    told = _of_work(event) or _of_wish(event)
    return _of_run(event) if told is None else told


def is_of_task(event: Any) -> bool:  # noqa: ANN401 - one of `TOLD`
    """Say whether an event is one of a task; all others are of runs."""
    return type(event).__qualname__.startswith(f"{Task.__name__}.")


def _of_run(event: Any) -> str:  # noqa: ANN401, C901, PLR0911 - a table of cases
    match event:
        case WorkflowRun.WorkflowInitiated():
            return f"run of {event.name}"
        case WorkflowRun.RunRequested():
            request = event.request
            by, where = request.get("requested_by"), request.get("cluster") or "this machine"
            asked = f"{by} asks" if by else "somebody asks"
            name = request.get("workflow_name") or request.get("workflow") or "a workflow"
            return f"{asked} for {name} on {_count(len(request.get('images') or ()), 'image')}, at {where}"
        case WorkflowRun.WorkflowStarted():
            return "work began"
        case WorkflowRun.StatusChanged():
            return f"the run is {event.status}"
        case WorkflowRun.RunPaused():
            return f"the run waits for a person: {event.failure.get('message')}"
        case WorkflowRun.RunResumed():
            return f"{event.requested_by} lets the run go on" if event.requested_by else "the run goes on"
        case WorkflowRun.SessionCounted():
            said = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in event.counts.items())
            return f"a driving process ends: {said}"
        case WorkflowRun.WorkflowCompleted():
            return "the run is done"
        case WorkflowRun.WorkflowFailed():
            return f"the run failed: {event.error_message}"
        case WorkflowRun.FailureClassified():
            return f"failure, {event.failure.get('failure_class', 'unknown')}: {event.failure.get('message')}"
        case _:
            return "the run was cancelled"


def _of_wish(event: Any) -> str | None:  # noqa: ANN401 - one of `TOLD`
    who = getattr(event, "requested_by", "") or "somebody"
    match event:
        case WorkflowRun.CancelRequested():
            return f"{who} wants the run to end"
        case WorkflowRun.PauseRequested():
            return f"{who} wants the run to stop for a while"
        case WorkflowRun.ResumeRequested():
            return f"{who} wants the run to go on"
        case WorkflowRun.RetryRequested():
            return f"{who} wants {_count(len(event.images), 'image')} tried again"
        case WorkflowRun.RunHeld():
            return "the run stopped, as it was asked to"
        case _:
            return None


def _of_work(event: Any) -> str | None:  # noqa: ANN401, C901, PLR0911, PLR0912 - a table of cases
    match event:
        case WorkflowRun.ProgramPrepared():
            return f"the program is ready: {event.identity}"
        case WorkflowRun.ImagesAdvanced():
            return f"{_count(len(event.indices), 'image')} {event.stage}"
        case WorkflowRun.ImagesFailed():
            first: Json = next(iter(event.failures.values()), {})
            return f"{_count(len(event.failures), 'image')} failed: {first.get('message')}"
        case WorkflowRun.ImageHashed():
            return f"image {event.index} was read: sha256 {event.sha256}"
        case WorkflowRun.JobRequested():
            tasks = "" if event.array_size is None else f" of {_count(event.array_size, 'task')}"
            return f"a {event.step} job{tasks} is to be submitted"
        case WorkflowRun.JobSubmitted():
            return f"job {event.job.get('job_id')} was submitted"
        case WorkflowRun.JobReported():
            return f"job {_states(event.tasks)}"
        case WorkflowRun.ProgressMade():
            return f"job is at {event.percent}%"
        case WorkflowRun.StepRetried():
            what = event.failure.get("message")
            return f"{event.step} went wrong, next try in {event.after_s:.0f} s: {what}"
        case WorkflowRun.JobAttempted():
            return f"{_count(len(event.images), 'image')} get another {event.step} job: {event.reason}"
        case WorkflowRun.OutputsDelivered():
            told = f"{_count(len(event.outputs), 'file')} delivered"
            return f"{told}, {_count(len(event.problems), 'problem')}" if event.problems else told
        case WorkflowRun.ObjectsMade():
            return f"{_count(len(event.objects), 'object')} made in OMERO"
        case WorkflowRun.ResultsPlaced():
            return f"results are at {', '.join(event.places)}"
        case WorkflowRun.ImagesLeft():
            return f"images stay in {event.folder}"
        case _:
            return None


def _of_task(event: Any) -> str:  # noqa: ANN401, PLR0911 - a table of cases
    match event:
        case Task.TaskCreated():
            return f"task {event.task_name} {event.task_version or ''}"
        case Task.TaskStarted():
            return "the task began"
        case Task.JobIdAdded():
            return f"job {event.job_id} works on the task"
        case Task.JobEnded():
            return f"job {event.job_id} has ended: {_states(event.tasks)}"
        case Task.StatusUpdated():
            return f"the task is {event.status}"
        case Task.ProgressUpdated():
            return f"the task is at {event.progress}"
        case Task.ResultAdded():
            return "a command was run for the task"
        case Task.TaskCompleted():
            return f"the task is done: {event.result or ''}"
        case _:
            return f"the task failed: {event.error_message or ''}"


def _states(tasks: list[Json]) -> str:
    counts = Counter(str(task["state"]) for task in tasks)
    if len(tasks) == 1:
        reason = tasks[0].get("reason")
        return next(iter(counts)) + (f" ({reason})" if reason else "")
    return ", ".join(f"{n} {state}" for state, n in counts.items())


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")
