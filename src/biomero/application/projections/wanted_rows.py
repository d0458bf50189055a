"""Which rows an event is about that tells of many at once, so that they are read together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from biomero.application.ports.views import Key, Table
from biomero.application.projections.run_jobs import SINGLE
from biomero.domain.workflow_run import WorkflowRun


def wanted_rows(event: Any) -> Iterator[tuple[Table, Key]]:  # noqa: ANN401 - any event
    """Yield rows that projections will ask for."""
    run_id = event.originator_id
    match event:
        case WorkflowRun.JobReported():
            for task in event.tasks:
                index = task.get("index")
                yield Table.RUN_JOBS, (run_id, event.key, SINGLE if index is None else index)
        case WorkflowRun.ImagesAdvanced():
            for index in event.indices:
                yield Table.RUN_IMAGES, (run_id, index)
        case WorkflowRun.ImagesFailed():
            for text in event.failures:
                yield Table.RUN_IMAGES, (run_id, int(text))
        case _:
            pass
