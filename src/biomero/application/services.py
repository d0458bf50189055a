"""What the use cases are given: the record, the clock, and every port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Clusters
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.omero import Omero, ResultTables
from biomero.application.ports.omero_identity import OmeroIdentity
from biomero.application.ports.pyramids import PyramidWriter
from biomero.application.ports.report import ReportWriter
from biomero.application.ports.run_finder import RunFinder
from biomero.application.ports.run_queue import RunQueue, WorkerId
from biomero.application.ports.stores import StoreContents
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.run_record import RunRecord
from biomero.application.settings import Settings

if TYPE_CHECKING:  # brings numpy and more, which those who only read the record do without
    from biomero.application.deliver_results import DeliverResults


class WorkflowServices(Protocol):
    """What a use case needs that asks about workflows only: no record is opened for it."""

    @property
    def settings(self) -> Settings:
        """Everything that can be set."""
        ...

    @property
    def workflows(self) -> WorkflowCatalogue:
        """What finds workflows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything outside that a use case may need.

    Parameters
    ----------
    worker
        This process, as one that may drive runs.
    omero
        The OMERO server; ``None`` where there is none.
    identity
        What tells who has a session of OMERO; ``None`` where there is no OMERO.
    home
        The name of the only machine that can drive what is accepted here, because its files are there;
        ``None`` where the database is of one machine anyway.
    """

    settings: Settings
    record: RunRecord
    finder: RunFinder
    clock: Clock
    clusters: Clusters
    images: ImageSource
    pyramids: PyramidWriter
    stores: StoreContents
    workflows: WorkflowCatalogue
    queue: RunQueue
    worker: WorkerId
    deliver: DeliverResults
    report: ReportWriter
    tables: ResultTables
    home: str | None = None
    omero: Omero | None = None
    identity: OmeroIdentity | None = None
