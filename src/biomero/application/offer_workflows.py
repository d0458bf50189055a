"""Use case: say which workflows a form can offer, from what is on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from biomero.application.ports.workflows import Workflow
from biomero.application.services import WorkflowServices
from biomero.errors import UsageError

_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedWorkflow:
    """A workflow that is known by name.

    Parameters
    ----------
    workflow
        ``None`` where it cannot be offered now.
    why_not
        Why that is so, in a sentence.
    """

    name: str
    workflow: Workflow | None = None
    why_not: str = ""


def offer_workflows(services: WorkflowServices) -> list[OfferedWorkflow]:
    """Return all workflows for users. No other machine is asked, and none is left out for its errors."""
    return [_look_at(name, services) for name in services.workflows.names()]


def _look_at(name: str, services: WorkflowServices) -> OfferedWorkflow:
    try:
        found = services.workflows.at_hand(name)
    except UsageError as exc:
        return OfferedWorkflow(name=name, why_not=str(exc))
    if found is None:
        return OfferedWorkflow(name=name, why_not="it was not fetched from its repository yet")
    return OfferedWorkflow(name=name, workflow=found)


def shown_version(workflow: Workflow) -> str:
    """Return a version as people choose it: a tag or commit, or how the hash of the content begins."""
    return workflow.version if workflow.is_pinned else workflow.version[:_HASH_LENGTH]
