"""Runs that are about an earlier run: one of a kind at a time, whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid5

from biomero.application.errand import Errand, Goal
from biomero.application.run_record import RunRecord
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError, UsageError

_OURS = UUID("b1c5a1de-6a1c-4f43-8f37-4d2c0a7f55b6")


def errand_id(earlier: RunId, goal: Goal, number: int) -> RunId:
    """Return the id of an errand, which only the run and its number among its like lead to.

    The record refuses a second run of an id: of two that are accepted at once, one is.
    """
    return RunId(str(uuid5(_OURS, f"{earlier}\n{goal.value}\n{number}")))


def errands_of(earlier: RunId, goal: Goal, record: RunRecord) -> Iterator[WorkflowRun]:
    """Yield the errands of a kind that were asked for, oldest first."""
    number = 1
    while True:
        try:
            yield record.get(errand_id(earlier, goal, number))
        except UnknownRunError:
            return
        number += 1


def errand_with(key: str, earlier: RunId, goal: Goal, record: RunRecord) -> RunId | None:
    """Return the errand that was asked for with a key, if one was."""
    same = [run.run_id for run in errands_of(earlier, goal, record) if run.request["errand"]["key"] == key]
    return same[0] if same else None


def next_errand(earlier: RunId, goal: Goal, record: RunRecord) -> RunId:
    """Return the id for another errand."""
    return errand_id(earlier, goal, 1 + sum(1 for _ in errands_of(earlier, goal, record)))


def open_errand(earlier: RunId, record: RunRecord) -> WorkflowRun | None:
    """Return a run that works on what an earlier one has left, if there is one."""
    runs = (run for goal in Goal for run in errands_of(earlier, goal, record))
    return next((run for run in runs if not run.status.is_final), None)


def refuse_beside_another(run: WorkflowRun, goal: Goal, record: RunRecord) -> None:
    """Let no run go on while another one works on the same: each would do it once.

    Parameters
    ----------
    run
        The run that is to go on: an errand of that goal, or the run that such errands are about.

    Raises
    ------
    UsageError
        If another one does.
    """
    errand = Errand.from_json(run.request["errand"]) if run.request.get("errand") else None
    is_like = errand is not None and errand.goal is goal
    earlier = errand.earlier if errand is not None and errand.earlier and is_like else run.run_id
    beside = [other for other in errands_of(earlier, goal, record) if other.run_id != run.run_id]
    if earlier != run.run_id and (own := record.get(earlier)).status is not RunStatus.PAUSED:
        beside.append(own)
    for other in beside:
        if not other.status.is_final:
            raise UsageError(
                f"run {other.run_id} works on what run {earlier} has brought: wait for its end, or cancel it "
                "first"
            )


def refuse_beside_others(run: WorkflowRun, record: RunRecord) -> None:
    """Likewise, whatever it is that others do."""
    for goal in Goal:
        refuse_beside_another(run, goal, record)
