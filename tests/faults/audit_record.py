"""How runs stand by their events, and whether each ended once and the queue agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from faults.audit_sources import Event, QueueRow
from faults.audit_terms import Accepted, Finding, finding

Json = dict[str, Any]
_FINAL = {"WorkflowCompleted": "done", "WorkflowFailed": "failed", "RunCancelled": "cancelled"}
_PAUSES = {"RunPaused", "RunHeld"}
_AFTER_THE_END = {"SessionCounted", "CancelRequested", "PauseRequested", "ResumeRequested"}
_QUEUE_STATES = {"done": "ended", "failed": "ended", "cancelled": "ended", "paused": "paused"}


def status_of(history: Sequence[Event]) -> str:
    """Return how a run stands: ``done``, ``failed``, ``cancelled``, ``paused``, ``lost`` or what it does."""
    status = "lost"
    before = ""
    for event in history:
        match event.name:
            case "WorkflowInitiated":
                status = "submitted"
            case "StatusChanged":
                status = before = event.state["status"]
            case "RunResumed":
                status = before or "submitted"
            case "RetryRequested":
                status = event.state["status"]
            case name if name in _PAUSES:
                status = "paused"
            case name if name in _FINAL:
                status = _FINAL[name]
            case _:
                pass
    return status


def check_end(run: Accepted, history: Sequence[Event], end: str) -> Iterator[Finding]:
    """Check that the run is known, came to a right end, and nothing happened to it after."""
    if not history:
        yield finding(run, "lost-run", "it was accepted, and the record does not have it")
        return
    if end not in run.may_end:
        wanted = " or ".join(sorted(run.may_end))
        code = "wrong-end" if end in _QUEUE_STATES else "stuck-run"
        yield finding(run, code, f"it is {end}, not {wanted}{_why(history)}")
    ended = ""
    for event in history:
        if event.name == "RetryRequested":
            ended = ""
        elif ended and event.name not in _AFTER_THE_END:
            yield finding(run, "second-end", f"after {ended} came {event.name}")
        if event.name in _FINAL:
            ended = event.name
    versions = [event.version for event in history]
    if versions != list(range(1, len(versions) + 1)):
        yield finding(run, "torn-record", f"the versions of its events are {versions}")


def failures_of(history: Sequence[Event]) -> list[Json]:
    """Return why a run stopped, each time that it failed or was paused for something that went wrong."""
    return [e.state["failure"] for e in history if e.name in {"RunPaused", "FailureClassified"}]


def image_failures_of(history: Sequence[Event]) -> dict[int, Json]:
    """Return why images came to nothing, as it was recorded last."""
    told = [e.state["failures"] for e in history if e.name == "ImagesFailed"]
    return {int(index): failure for failures in told for index, failure in failures.items()}


def check_reasons(run: Accepted, history: Sequence[Event], end: str) -> Iterator[Finding]:
    """Check that a person can see why a run, or an image of it, came no further, and what to do."""
    if end == "failed" and not any(e.name == "FailureClassified" for e in history):
        yield finding(run, "unexplained", "it failed, and nothing says why")
    if end == "paused" and not any(e.name in _PAUSES for e in history):
        yield finding(run, "unexplained", "it is paused, and nothing says why")
    for failure in [*failures_of(history), *image_failures_of(history).values()]:
        missing = [word for word in ("failure_class", "message", "advice") if not failure.get(word)]
        if missing:
            yield finding(run, "unexplained", f"{failure} has no {' and no '.join(missing)}")


def _why(history: Sequence[Event]) -> str:
    failures = [e.state["failure"] for e in history if isinstance(e.state.get("failure"), dict)]
    return f" ({failures[-1].get('message', '')})" if failures else ""


def check_queue(run: Accepted, end: str, row: QueueRow | None) -> Iterator[Finding]:
    """Compare the queue's row with how the run stands."""
    wanted = _QUEUE_STATES.get(end)
    state = "missing" if row is None else row.state
    if wanted is not None and state != wanted:
        yield finding(run, "queue-row", f"the run is {end}, the queue has it as {state}")
    if wanted is not None and row is not None and row.owner:
        yield finding(run, "queue-row", f"the run is {end}, and yet {row.owner} is at it")
