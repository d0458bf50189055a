"""How runs stand by their events, and whether each ended once and the queue agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faults.audit_sources import Event, QueueRow
from faults.audit_terms import Accepted, Finding, finding

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
