"""What runs delivered: ``biomero_output``."""

from __future__ import annotations

from typing import Any, ClassVar

from eventsourcing.domain import DomainEvent

from biomero.application.ports.views import Rows, Table
from biomero.domain.workflow_run import WorkflowRun


class RunOutputsProjection:
    """Keeps a row for every file that a run delivered."""

    name: ClassVar[str] = "RunOutputs"
    tables: ClassVar[tuple[Table, ...]] = (Table.RUN_OUTPUTS,)
    topics: ClassVar[tuple[type[DomainEvent], ...]] = (WorkflowRun.OutputsDelivered,)

    def project(self, event: Any, rows: Rows, position: int) -> None:  # noqa: ANN401, ARG002 - one of `topics`
        """See `Projection.project`."""
        run_id = event.originator_id
        for number, output in enumerate(event.outputs):
            row = {
                "run_id": run_id,
                "number": number,
                "path": output["path"],
                "kind": output.get("kind"),
                "sha256": output.get("sha256"),
                "size": output.get("size"),
                "image_index": output.get("image"),
            }
            rows.put(Table.RUN_OUTPUTS, (run_id, number), row)
        gone = len(event.outputs)  # a later delivery stands for all of an earlier one
        while rows.get(Table.RUN_OUTPUTS, (run_id, gone)) is not None:
            rows.remove(Table.RUN_OUTPUTS, (run_id, gone))
            gone += 1
