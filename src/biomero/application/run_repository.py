"""Runs and tasks by their id: remembered, read on from where they stood, or folded from all their events."""

from __future__ import annotations

import logging
from collections import OrderedDict
from copy import deepcopy
from threading import Lock
from typing import Any
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Repository
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import AggregateRecorder, EventStore, PersistenceError

from biomero.application.snapshots import restore_snapshot, take_snapshot
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun

SNAPSHOT_AFTER = 500
"""How many events are folded before what they came to is kept."""

_REMEMBERED = 100
_log = logging.getLogger(__name__)

Id = UUID | str | None
"""An id; ``None``, which is what a tracker that is off gives out, is the id of nothing."""


class RunRepository(Repository[UUID]):
    """Gives runs and tasks by their id, which may be text.

    What was read or stored last is remembered. An aggregate belongs to one caller at a time: who takes it out
    gives it back when what it holds is stored.
    """

    def __init__(self, event_store: EventStore[UUID], snapshots: AggregateRecorder) -> None:
        super().__init__(event_store)
        self._snapshots = snapshots
        self._remembered: OrderedDict[UUID, Aggregate] = OrderedDict()
        self._lock = Lock()

    def get(self, aggregate_id: Id, **kwargs: Any) -> Any:  # noqa: ANN401 - the library's own
        """Return a run or task as its events tell.

        Raises
        ------
        AggregateNotFoundError
            The library's own error, for an id that nobody gave out.
        ValueError
            If the text is no id at all.
        """
        if kwargs:
            return super().get(as_uuid(aggregate_id), **kwargs)
        found = self.take_newest(as_uuid(aggregate_id))
        given = deepcopy(found)
        self.remember(found)
        return given

    def take(self, aggregate_id: UUID) -> Aggregate | None:
        """Return what is remembered, which others may have changed since; it is the caller's then."""
        with self._lock:
            return self._remembered.pop(aggregate_id, None)

    def take_newest(self, aggregate_id: UUID) -> Aggregate:
        """Return a run or task as its events tell now; it is the caller's.

        Raises
        ------
        AggregateNotFoundError
            If there is none of that id.
        """
        known = self.take(aggregate_id) or self._snapshot(aggregate_id)
        after = None if known is None else known.version
        folded = 0
        for event in self.event_store.get(aggregate_id, gt=after):
            known = event.mutate(known)  # type: ignore[attr-defined] # all events of ours can
            folded += 1
        if known is None:
            raise AggregateNotFoundError(f"there is no {aggregate_id}")
        if folded >= SNAPSHOT_AFTER:
            self._keep_snapshot(known)
        return known

    def remember(self, aggregate: Aggregate) -> None:
        """Keep a run or task for the next who wants it; the caller does not change it any more."""
        with self._lock:
            other = self._remembered.get(aggregate.id)
            if not aggregate.pending_events and (other is None or other.version < aggregate.version):
                self._remembered[aggregate.id] = aggregate
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)

    def _snapshot(self, aggregate_id: UUID) -> Aggregate | None:
        for stored in self._snapshots.select_events(aggregate_id, desc=True, limit=1):
            return restore_snapshot(stored, (WorkflowRun, Task))
        return None

    def _keep_snapshot(self, aggregate: Aggregate) -> None:
        try:
            self._snapshots.insert_events([take_snapshot(aggregate)])
        except PersistenceError as exc:
            # whoever only may read, reads all the same
            _log.info("no snapshot of %s: %s", aggregate.id, exc)


def as_uuid(value: Id) -> UUID:
    """Return an id; text that is none raises `ValueError`."""
    return value if isinstance(value, UUID) else UUID(str(value))
