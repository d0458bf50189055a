"""Use case: keep the views up to date with the record, or make them anew.

Any number of processes may follow. Each reads the events it lacks, then takes the positions' lock, and
if nobody was quicker, writes rows and positions in one transaction. One that was slower reads again.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.utils import get_topic

from biomero.application.event_log import EventLog, LoggedEvent
from biomero.application.ports.views import Key, Rows, Table, ViewStore, ViewTransaction
from biomero.application.projections.known_facts import KnownFacts
from biomero.application.projections.memory import MemoryRows
from biomero.application.projections.projection import Projection
from biomero.application.projections.wanted_rows import wanted_rows

_KNOWN = KnownFacts()
_NOT_UNDERSTOOD = (AttributeError, LookupError, TypeError, ValueError)
_log = logging.getLogger(__name__)


class RecordFollower:
    """Brings views up to date with the record.

    Parameters
    ----------
    projections
        The views that are kept; others are left as they are.
    """

    def __init__(self, log: EventLog, store: ViewStore, projections: Sequence[Projection]) -> None:
        self._log = log
        self._store = store
        self._projections: tuple[Projection, ...] = (_KNOWN, *projections)
        self._lock = Lock()

    def catch_up(self) -> None:
        """Bring every view up to the newest event; one that was never built is built.

        Raises
        ------
        RecordError
            If the database does not do its part; what was done until then stays, and the next call goes on.
        """
        with self._lock:
            while not self._is_level():
                pass

    def rebuild(self, since: datetime | None = None) -> None:
        """Make every view anew from the record; readers see the old one until the new one is whole.

        Parameters
        ----------
        since
            Runs and tasks to which nothing happened since then are left out of the views.

        Raises
        ------
        RecordError
            If the database does not do its part; the old views stay.
        """
        with self._lock:
            self._build(self._projections, since)
        self.catch_up()

    def _is_level(self) -> bool:
        """Project the next events; say whether there were none."""
        positions = self._store.positions()
        unbuilt = [p for p in self._projections if p.name not in positions]
        if unbuilt:
            self._build(unbuilt, None)
            return False
        head = self._log.head()
        start = min(positions[p.name] for p in self._projections)
        if start >= head:
            return True
        events, seen = self._log.read(start, until=head, topics=topics_of(self._projections))
        with self._store.transaction() as transaction:
            if _moved(positions, transaction.positions(), self._projections):
                return False  # another process was quicker
            if len({positions[p.name] for p in self._projections}) == 1:
                transaction.are_new(_begun(events))
            _prefetch(events, transaction)
            project(events, transaction, self._projections, positions)
            transaction.move({p.name: max(seen, positions[p.name]) for p in self._projections})
        return seen >= head

    def _build(self, projections: Sequence[Projection], since: datetime | None) -> None:
        """Fold the whole record in memory, then put the rows in place in one short transaction.

        What others have written into the views meanwhile is folded in there: views never go back.
        """
        rows = MemoryRows()
        head = self._log.head()
        known = self._log.all_of(topics_of([_KNOWN]), until=head)
        wanted = None
        if since is not None:
            project(known, rows, [_KNOWN])
            wanted = self._recent(rows, since, head)
            rest = [p for p in projections if p is not _KNOWN]
        else:
            rest = [_KNOWN, *(p for p in projections if p is not _KNOWN)]
        project(self._log.all_of(topics_of(rest), until=head, of=wanted), rows, rest)
        with self._store.transaction() as transaction:
            come = transaction.positions()
            newest = max([head, *(come[p.name] for p in projections if p.name in come)])
            all_of_them = [_KNOWN, *(p for p in projections if p is not _KNOWN)]
            since_then = self._log.all_of(topics_of(all_of_them), after=head, until=newest)
            project(since_then, rows, all_of_them)
            for projection in projections:
                for table in projection.tables:
                    transaction.replace(table, rows.tables[table])
            transaction.move({p.name: newest for p in projections})

    def _recent(self, rows: MemoryRows, since: datetime, head: int) -> set[UUID]:
        """Return the runs and tasks to which something happened lately, and the runs of those tasks."""
        recent = self._log.originators(self._log.position_at(since), until=head)
        tasks = rows.tables[Table.KNOWN_TASKS]
        return recent | {tasks[i]["workflow_id"] for i in recent if i in tasks}


def topics_of(projections: Sequence[Projection]) -> list[str]:
    """Return the stored names of all events that some views are made of."""
    return sorted({get_topic(kind) for projection in projections for kind in projection.topics})


def project(
    events: Iterable[LoggedEvent],
    rows: Rows,
    projections: Sequence[Projection],
    positions: Mapping[str, int] | None = None,
) -> None:
    """Write down what events mean for views; each view ignores what it has seen."""
    interested: dict[type, list[tuple[Projection, int]]] = defaultdict(list)
    for projection in projections:
        seen = 0 if positions is None else positions[projection.name]
        for kind in projection.topics:
            interested[kind].append((projection, seen))
    for logged in events:
        for projection, seen in interested.get(type(logged.event), ()):
            if logged.position > seen:
                try:
                    projection.project(logged.event, rows, logged.position)
                except _NOT_UNDERSTOOD:
                    # one odd event of an older or newer release shall not stop every dashboard
                    _log.exception("%s leaves out event %d", projection.name, logged.position)


def _moved(before: Mapping[str, int], now: Mapping[str, int], projections: Sequence[Projection]) -> bool:
    return any(before[p.name] != now.get(p.name) for p in projections)


def _begun(events: Sequence[LoggedEvent]) -> set[Key]:
    """Return the runs and tasks that come into being; not told by version: BIOMERO 2 counted from 0."""
    return {one.event.originator_id for one in events if isinstance(one.event, Aggregate.Created)}


_BY_ORIGINATOR = (
    Table.KNOWN_RUNS,
    Table.KNOWN_TASKS,
    Table.WORKFLOW_PROGRESS,
    Table.TASK_EXECUTION,
    Table.TASK_JOBS,
    Table.RUNS,
    Table.TASK_JOB_KEYS,
)


def _prefetch(events: Sequence[LoggedEvent], transaction: ViewTransaction) -> None:
    """Read most of the rows that a batch needs in a few statements, where there is more than one event."""
    told: dict[Table, set[Key]] = defaultdict(set)
    for logged in events:
        for table, key in wanted_rows(logged.event):
            told[table].add(key)
    for table, keys in told.items():
        transaction.prefetch(table, keys)
    if len(events) == 1:
        return
    ids: set[Key] = {logged.event.originator_id for logged in events}
    for table in _BY_ORIGINATOR:
        transaction.prefetch(table, ids)
    tasks = (transaction.get(Table.KNOWN_TASKS, i) for i in ids)
    runs: set[Key] = {task["workflow_id"] for task in tasks if task is not None}
    for table in (Table.KNOWN_RUNS, Table.WORKFLOW_PROGRESS, Table.RUNS):
        transaction.prefetch(table, runs - ids)
    jobs = (transaction.get(Table.TASK_JOBS, i) for i in ids)
    transaction.prefetch(Table.JOB_PROGRESS, {j["slurm_job_id"] for j in jobs if j is not None})
