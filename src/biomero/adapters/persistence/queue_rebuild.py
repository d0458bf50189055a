"""Rows that are missing, or that contradict the record, are made anew from it; the record is always right."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from biomero.adapters.persistence.queue_changes import new_row
from biomero.adapters.persistence.queue_moves import Values
from biomero.adapters.persistence.queue_tables import RUNS, state_is
from biomero.adapters.persistence.queue_transactions import QueueDatabase
from biomero.application.ports.run_queue import QueuedRun, QueueState
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RecordError

Place = Callable[[WorkflowRun], QueuedRun | None]

_AT_ONCE = 200
_log = logging.getLogger(__name__)

_REQUESTED = WorkflowRun.RunRequested.TOPIC
_ENDS = (
    WorkflowRun.WorkflowCompleted.TOPIC,
    WorkflowRun.WorkflowFailed.TOPIC,
    WorkflowRun.RunCancelled.TOPIC,
)
# what may come after a run's end and does not open it again
_HARMLESS = (
    *_ENDS,
    WorkflowRun.SessionCounted.TOPIC,
    WorkflowRun.JobReported.TOPIC,
    WorkflowRun.ProgressMade.TOPIC,
)


class QueueRebuild:
    """Compares the queue with the record, by ids, and folds only what is in doubt; see `RunQueue.rebuild`."""

    def __init__(self, database: QueueDatabase) -> None:
        self._database = database

    def rebuild(self, place: Place) -> int:
        """See `RunQueue.rebuild`."""
        self._wish_again()
        return self._put(self._missing(), place) + self._put(self._wrongly_ended(), place)

    def _missing(self) -> Sequence[UUID]:
        """Return runs of the engine that may not have ended, and that the queue does not have."""
        events = self._database.events
        end, later = events.alias(), events.alias()
        opened_again = sa.exists().where(
            later.c.originator_id == end.c.originator_id,
            later.c.originator_version > end.c.originator_version,
            later.c.topic.not_in(_HARMLESS),
        )
        has_ended = sa.exists().where(
            end.c.originator_id == events.c.originator_id, end.c.topic.in_(_ENDS), ~opened_again
        )
        is_here = sa.exists().where(RUNS.c.run_id == events.c.originator_id)
        question = sa.select(events.c.originator_id).where(events.c.topic == _REQUESTED, ~is_here, ~has_ended)
        return self._ids(question)

    def _wrongly_ended(self) -> Sequence[UUID]:
        """Return runs that have ended in the queue though the record does not say so."""
        return self._ids(sa.select(RUNS.c.run_id).where(state_is(QueueState.ENDED), sa.not_(RUNS.c.is_final)))

    def _wish_again(self) -> None:
        """Make runs due that somebody wants to end and the queue does not know: it was away, or is older."""
        events = self._database.events
        knows_nothing = sa.and_(
            state_is(QueueState.READY, QueueState.WAITING, QueueState.PAUSED, QueueState.CLAIMED),
            sa.not_(RUNS.c.cancel),
            sa.not_(RUNS.c.is_final),
        )
        wanted = sa.select(RUNS.c.run_id).where(
            knows_nothing,
            sa.exists().where(
                events.c.originator_id == RUNS.c.run_id, events.c.topic == WorkflowRun.CancelRequested.TOPIC
            ),
        )
        for run_id in self._ids(wanted):
            run = self._fold(run_id)
            if run is None or run.cancel_requested_by is None or run.status.is_final:
                continue
            moved = sa.case(
                (RUNS.c.state == QueueState.CLAIMED.value, RUNS.c.state), else_=QueueState.READY.value
            )
            values = {"cancel": True, "state": moved, "due": self._database.now()}
            # others are at work meanwhile: the run may have ended since
            update = sa.update(RUNS).where(RUNS.c.run_id == run_id, knows_nothing).values(values)
            self._database.write(lambda connection, update=update: connection.execute(update))  # type: ignore[misc] # mypy does not know the default's type

    def _put(self, run_ids: Sequence[UUID], place: Place) -> int:
        rows = [row for run_id in run_ids if (row := self._row(run_id, place)) is not None]
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            self._database.write(lambda connection, some=some: self._store(connection, some))  # type: ignore[misc] # likewise
        return len(rows)

    def _store(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        insert = (postgresql if self._database.is_postgresql else sqlite).insert(RUNS)
        again = {
            name: insert.excluded[name] for name in ("state", "step", "pool", "due", "cancel", "attempt")
        }
        is_wrong = sa.and_(RUNS.c.state == QueueState.ENDED.value, sa.not_(RUNS.c.is_final))
        connection.execute(
            insert.on_conflict_do_update(index_elements=["run_id"], set_=again, where=is_wrong),
            [{**row, "due": row["added"]} for row in rows],
        )

    def _row(self, run_id: UUID, place: Place) -> Values | None:
        """Return the row of a run as its events tell; ``None`` where it has ended or cannot be placed."""
        run = self._fold(run_id)
        if run is None or run.status.is_final:
            return None
        try:
            queued = place(run)
        except Exception:  # noqa: BLE001 - one odd run shall not keep a worker from starting
            _log.exception("run %s cannot be placed in the queue", run_id)
            return None
        if queued is None:
            return None
        is_wanted = run.cancel_requested_by is not None
        is_asleep = run.status is RunStatus.PAUSED and not is_wanted
        state = QueueState.PAUSED if is_asleep else QueueState.READY
        added = run.created_on.timestamp()
        return {**new_row(queued), "state": state.value, "cancel": is_wanted, "added": added}

    def _fold(self, run_id: UUID) -> WorkflowRun | None:
        try:
            return self._database.load(run_id)
        except RecordError as exc:
            if exc.transient:
                raise
            _log.exception("run %s cannot be read", run_id)
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("run %s cannot be read", run_id)
        return None

    def _ids(self, question: sa.Select[tuple[UUID]]) -> Sequence[UUID]:
        return self._database.read(lambda connection: connection.execute(question).scalars().all())
