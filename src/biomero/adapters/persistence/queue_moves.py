"""What each move writes to the row of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from biomero.adapters.persistence.queue_tables import AT_REST, NO_JOB
from biomero.application.ports.run_queue import (
    LONGEST_PAUSE_S,
    Claim,
    End,
    GoOn,
    Move,
    Park,
    QueueState,
    TryAgain,
    WaitForJob,
)

Row = Mapping[str, Any]
"""A row as it stands; empty where there is none."""

Values = dict[str, Any]
"""Columns to be written, and what to write."""


def values_of(move: Move, claim: Claim, row: Row, now: sa.ColumnElement[float]) -> Values:  # noqa: PLR0911 - one for each case
    """Return what a move writes; the claim is over in any case.

    A wish that came while the step was at work is not forgotten: the run is due at once then, rather than
    waiting or paused.
    """
    ready: Values = {"state": QueueState.READY.value, "owner": "", "due": now, "crashes": 0}
    match move:
        case GoOn():
            return ready | _step(move) | NO_JOB
        case TryAgain():
            if row["cancel"] and not claim.cancel_requested:
                return ready | {"attempt": 0}
            counted = {"attempt": row["attempt"] + 1} if move.counts else {}
            return ready | {"due": now + min(move.after_s, LONGEST_PAUSE_S)} | counted
        case WaitForJob():
            waits = {} if row["cancel"] or row["pause"] else {"state": QueueState.WAITING.value}
            job = {
                "job_key": move.job.key,
                "job_id": move.job.job_id,
                "job_folder": move.job.folder,
                "job_tasks": move.job.array_size,
                "since": now,
                "seen": "",
                "unknown_looks": 0,
            }
            return ready | waits | _step(move) | job
        case Park() if row["cancel"] and not claim.cancel_requested:
            return ready | {"pause": False}
        case Park() if is_taken_back(move, claim, row):
            return ready | {"state": AT_REST}
        case Park():
            return ready | {"pause": False, "state": QueueState.PAUSED.value}
        case End():
            ended = {"state": QueueState.ENDED.value, "cancel": False, "pause": False}
            return ready | ended | NO_JOB


def is_taken_back(move: Move, claim: Claim, row: Row) -> bool:
    """Say whether a run is to pause because somebody wanted it, and no longer does."""
    is_wanted = isinstance(move, Park) and (move.is_wanted or claim.pause_requested)
    return is_wanted and not row["pause"] and not row["cancel"]


def _step(move: GoOn | WaitForJob) -> Values:
    return {"step": move.step, "pool": move.pool.value, "attempt": 0}
