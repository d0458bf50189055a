"""What happened, a line an event: ``biomero_event_timeline``."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.application.projections.event_text import TOLD, is_of_task, text_of
from biomero.application.projections.projection import moment


class EventTimelineProjection:
    """Keeps a line for every event of a run and of its tasks."""

    name: ClassVar[str] = "EventTimeline"
    tables: ClassVar[tuple[Table, ...]] = (Table.TIMELINE,)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = TOLD

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401 - one of `topics`
        """See `Projection.project`."""
        run_id = event.originator_id
        if is_of_task(event):
            task = rows.get(Table.KNOWN_TASKS, event.originator_id)
            if task is None:
                return
            run_id = task["workflow_id"]
        rows.put(
            Table.TIMELINE,
            position,
            {
                "position": position,
                "run_id": run_id,
                "time": moment(event),
                "kind": type(event).__name__,
                "text": text_of(event),
            },
        )
