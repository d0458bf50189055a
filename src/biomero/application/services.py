"""What the use cases are given: the record, the clock, and every port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Clusters
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.locks import RunLocks
from biomero.application.ports.pyramids import PyramidWriter
from biomero.application.ports.report import ReportWriter
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.run_record import RunRecord
from biomero.application.settings import Settings

if TYPE_CHECKING:  # brings numpy and more, which those who only read the record do without
    from biomero.application.deliver_results import DeliverResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything outside that a use case may need."""

    settings: Settings
    record: RunRecord
    clock: Clock
    clusters: Clusters
    images: ImageSource
    pyramids: PyramidWriter
    workflows: WorkflowCatalogue
    locks: RunLocks
    deliver: DeliverResults
    report: ReportWriter
