"""What steps and people decide of a run, and where it goes then: events and row in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.queue_holdings import Holdings
from biomero.adapters.persistence.queue_moves import Row, Values, is_taken_back, values_of
from biomero.adapters.persistence.queue_tables import NO_JOB, RUNS
from biomero.adapters.persistence.queue_transactions import QueueDatabase, VersionTakenError
from biomero.application.ports.run_queue import (
    Claim,
    Decide,
    Move,
    Pool,
    QueuedRun,
    QueueState,
    TryAgain,
    Wish,
)
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import LeaseLostError, ParameterError, RecordConflictError, UsageError

_ATTEMPTS = 20
_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Placed:
    """What is written to the run's row.

    Parameters
    ----------
    is_recorded
        Without it, what was decided is dropped.
    with_news
        What else is written to the row if anything was decided.
    """

    values: Values
    is_recorded: bool = True
    with_news: Values = field(default_factory=dict)


Place = Callable[[Row], Placed]
"""Says what a decision does to the row as it stands; what it raises leaves everything as it is."""

_NOTHING = Placed({}, is_recorded=False)


class QueueChanges:
    """Stores decisions; see `RunQueue`."""

    def __init__(self, database: QueueDatabase, holdings: Holdings) -> None:
        self._database = database
        self._holdings = holdings

    def add(self, queued: QueuedRun, run: WorkflowRun) -> None:
        """See `RunQueue.add`."""
        now = self._database.now()
        values = {**new_row(queued), "added": now, "due": now, "is_final": run.status.is_final}

        def store(connection: sa.Connection) -> None:
            known = sa.select(RUNS.c.run_id).where(RUNS.c.run_id == run.id)
            if connection.execute(known).first() is None:
                connection.execute(sa.insert(RUNS).values(values))
                self._database.append(connection, [run])

        try:
            self._database.write(store)
        except VersionTakenError as exc:
            raise RecordConflictError(f"run {run.id} is there already") from exc
        self._database.committed([deepcopy(run)])
        run.collect_events()

    def change(self, claim: Claim, decide: Decide) -> WorkflowRun:
        """See `RunQueue.change`."""

        def place(row: Row) -> Placed:
            _check_own(row, claim)
            return Placed({}, with_news={"crashes": 0})

        return self._store(claim.run_id, decide, place)

    def move(self, claim: Claim, move: Move, decide: Decide | None = None) -> WorkflowRun:
        """See `RunQueue.move`."""

        def place(row: Row) -> Placed:
            _check_own(row, claim)
            values = values_of(move, claim, row, self._database.now())
            return Placed(values, is_recorded=not is_taken_back(move, claim, row))

        with self._holdings.moving(claim):
            return self._store(claim.run_id, decide, place)

    def put_off(self, claim: Claim, *, after_s: float) -> None:
        """See `RunQueue.put_off`."""

        def store(connection: sa.Connection) -> None:
            row = _locked(connection, UUID(claim.run_id))
            _check_own(row, claim)
            values = values_of(TryAgain(after_s=after_s), claim, row, self._database.now())
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == UUID(claim.run_id)).values(values))

        with self._holdings.moving(claim):
            self._database.write(store)

    def request(self, run_id: RunId, wish: str, decide: Decide) -> WorkflowRun:
        """See `RunQueue.request`."""
        try:
            wanted = Wish(wish)
        except ValueError:
            raise ParameterError(f"nobody can wish '{wish}'; there are: {', '.join(Wish)}") from None
        return self._store(run_id, decide, lambda row: self._wished(wanted, row))

    def restart(
        self, run_id: RunId, step: str, pool: Pool, decide: Decide, *, otherwise: QueuedRun | None = None
    ) -> WorkflowRun:
        """See `RunQueue.restart`."""

        def place(row: Row) -> Placed:
            if not row and otherwise is None:
                raise UsageError(f"run {run_id} was never in the queue")
            if row and row["state"] not in {QueueState.ENDED.value, QueueState.PAUSED.value}:
                raise UsageError(f"run {run_id} has not ended and is not paused; cancel or pause it first")
            now = self._database.now()
            ready: Values = {
                "state": QueueState.READY.value,
                "step": step,
                "pool": pool.value,
                "attempt": 0,
                "crashes": 0,
                "due": now,
                "cancel": False,
                "pause": False,
                **NO_JOB,
            }
            if otherwise is not None and not row:
                return Placed({**new_row(otherwise), "run_id": UUID(run_id), "added": now, **ready})
            return Placed(ready)

        return self._store(run_id, decide, place)

    def _wished(self, wish: Wish, row: Row) -> Placed:
        """Return what a wish changes; where the queue does not have the run, its events are kept at least."""
        if not row:
            return Placed({})
        state = QueueState(row["state"])
        if state is QueueState.ENDED or (wish is Wish.PAUSE and state is QueueState.PAUSED):
            return _NOTHING
        flags: Values = {"cancel": True} if wish is Wish.CANCEL else {"pause": wish is Wish.PAUSE}
        if state is QueueState.CLAIMED:
            return Placed(flags)
        ready = flags | {"state": QueueState.READY.value, "due": self._database.now()}
        if wish is Wish.CANCEL:  # something else begins, whatever was in vain before
            return Placed(ready | {"attempt": 0, "crashes": 0})
        if wish is Wish.PAUSE:  # its step is not done: it is no suspect that waits for its turn
            return Placed(ready | {"crashes": 0})
        if row["job_key"] is not None and not row["cancel"]:
            ready["state"] = QueueState.WAITING.value  # its job worked on
        return Placed(ready | ({"attempt": 0, "crashes": 0} if state is QueueState.PAUSED else {}))

    def _store(self, run_id: RunId, decide: Decide | None, place: Place) -> WorkflowRun:
        """Let `decide` call the run's methods and store what it decided, with the row, in one transaction.

        If somebody else changed the run meanwhile, it is read and decided again.
        """
        for attempt in range(_ATTEMPTS):
            run = (None if attempt else self._decided_on_remembered(run_id, decide)) or self._decided(
                run_id, decide
            )
            try:
                is_stored = self._database.write(partial(self._write, run=run, place=place))
            except VersionTakenError:
                time.sleep(_PAUSE_S * attempt)
                continue
            if not is_stored:
                return self._database.load(run_id)
            given = deepcopy(run)
            given.collect_events()
            self._database.committed([run])
            return given
        raise RecordConflictError(f"others changed run {run_id} {_ATTEMPTS} times in a row; try again")

    def _write(self, connection: sa.Connection, run: WorkflowRun, place: Place) -> bool:
        """Write row and events, in this order, in which everybody takes their locks."""
        row = _locked(connection, run.id)
        placed = place(row)
        values = dict(placed.values) | (placed.with_news if run.pending_events else {})
        if placed.is_recorded and (values or row):
            values |= {"is_final": run.status.is_final}
        if "run_id" in values:
            connection.execute(sa.insert(RUNS).values(values))
        elif any(name not in row or row[name] is not value for name, value in values.items()):
            connection.execute(sa.update(RUNS).where(RUNS.c.run_id == run.id).values(values))
        if placed.is_recorded:
            self._database.append(connection, [run])
        return placed.is_recorded

    def _decided_on_remembered(self, run_id: RunId, decide: Decide | None) -> WorkflowRun | None:
        """Decide on what this process remembers; ``None`` where that does not lead to anything new.

        If others were here since, the database refuses the version.
        """
        run = self._database.tracker.repository.take(UUID(run_id)) if decide is not None else None
        if isinstance(run, WorkflowRun) and decide is not None:
            with suppress(Exception):  # on what is recorded now, it may be right, or it is raised there
                decide(run)
                return run if run.pending_events else None
        return None

    def _decided(self, run_id: RunId, decide: Decide | None) -> WorkflowRun:
        run = self._database.load(run_id)
        if decide is not None:
            decide(run)
        return run


def new_row(queued: QueuedRun) -> Values:
    """Return the row of a run on its way into the queue, but for its moments."""
    return {
        "run_id": UUID(queued.run_id),
        "state": QueueState.READY.value,
        "step": queued.step,
        "owner": "",
        "pool": queued.pool.value,
        "cluster": queued.cluster,
        "requester": queued.requester,
        "host": queued.host,
        "attempt": 0,
        "crashes": 0,
        "token": 0,
        "seen": "",
        "unknown_looks": 0,
        **NO_JOB,
        "cancel": False,
        "pause": False,
        "is_final": False,
    }


def _locked(connection: sa.Connection, run_id: UUID) -> Row:
    """Return the row of a run, which is ours until the end of the transaction; empty where there is none."""
    row = connection.execute(sa.select(RUNS).where(RUNS.c.run_id == run_id).with_for_update()).first()
    return {} if row is None else dict(row._mapping)  # noqa: SLF001 - how SQLAlchemy names it


def _check_own(row: Row, claim: Claim) -> None:
    """Raise `LeaseLostError` if a claim is not the newest one any more."""
    if not row or row["state"] != QueueState.CLAIMED.value or row["token"] != claim.token:
        raise LeaseLostError(
            f"run {claim.run_id}: another process works on '{claim.step}' now, or nobody does any more"
        )
