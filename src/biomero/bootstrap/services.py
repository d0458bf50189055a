"""Settings to the services that use cases need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biomero.adapters.system import SystemClock, this_machine, this_worker
from biomero.application.open_images import ImageSources
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.omero import Omero
from biomero.application.ports.omero_identity import OmeroIdentity
from biomero.application.ports.omero_scripts import OfficialScripts
from biomero.application.ports.workflows import CONVERTER, WorkflowCatalogue
from biomero.application.run_record import RunRecord
from biomero.application.services import Services
from biomero.application.settings import (
    Settings,
)
from biomero.application.tracking import WorkflowTracker
from biomero.bootstrap.clusters import ClusterDoor
from biomero.bootstrap.record import database_url, make_finder, make_queue, open_record, open_tracker
from biomero.errors import ConfigurationError

if TYPE_CHECKING:
    from biomero.application.doctor.examination import Tools
    from biomero.application.write_crate import WriteCrate


def open_catalogue(settings: Settings) -> WorkflowCatalogue:
    """Return what finds workflows."""
    from biomero.adapters.descriptors import Catalogue, CodeHosts

    return Catalogue(
        CodeHosts(settings.cache_folder / "workflows"),
        folders=[settings.shipped_workflows],
        references={name: w.reference for name, w in settings.workflows.items()},
        internal=[CONVERTER],
    )


def image_sources() -> ImageSource:
    """Return what reads images: native readers first, Bio-Formats behind them."""
    from biomero.adapters import bioformats, readers, tiff
    from biomero.adapters.ngff import NgffSource

    fallback = bioformats.BioFormatsSource(jar=bioformats.find_jar())
    formats = (*tiff.formats(), *readers.formats(), *bioformats.formats(fallback))
    return ImageSources(formats, folders=NgffSource(), fallback=fallback)


def make_services(settings: Settings, *, tracker: WorkflowTracker | None = None) -> Services:
    """Put everything together. Nothing is connected to before it is used.

    Parameters
    ----------
    tracker
        Holds the events of runs, if one is open already.
    """
    from biomero.adapters.ngff import NgffLabelWriter, NgffStores, NgffWriter
    from biomero.adapters.ome_tiff.writer import LosslessOmeTiffWriter
    from biomero.adapters.report import HtmlReport
    from biomero.adapters.tables import TableFiles
    from biomero.application.deliver_results import DeliverResults

    images = image_sources()
    report = HtmlReport()
    tracker = tracker or open_tracker(settings)
    url = database_url(settings.analytics, settings.state_folder)
    return Services(
        settings=settings,
        record=RunRecord(tracker),
        finder=make_finder(tracker),
        clock=SystemClock(),
        clusters=ClusterDoor(settings, is_calm=True),
        images=images,
        pyramids=NgffWriter(),
        stores=NgffStores(),
        workflows=open_catalogue(settings),
        queue=make_queue(tracker),
        worker=this_worker(),
        deliver=DeliverResults(
            images=images,
            pyramids=NgffWriter(),
            labels=NgffLabelWriter(),
            tiffs=LosslessOmeTiffWriter(),
            report=report,
            stores=NgffStores(),
        ),
        report=report,
        tables=TableFiles(),
        omero=_omero(settings, images),
        identity=_identity(settings),
        home=None if url.get_backend_name() == "sqlite" else this_machine(),
    )


def _omero(settings: Settings, images: ImageSource) -> Omero | None:
    from biomero.adapters.omero import IceOmero

    return None if settings.omero is None else IceOmero(settings.omero, SystemClock(), images)


def _identity(settings: Settings) -> OmeroIdentity | None:
    from biomero.adapters.omero import IceIdentity

    return None if settings.omero is None else IceIdentity(settings.omero)


def official_scripts(settings: Settings) -> OfficialScripts:
    """Return what puts scripts onto the OMERO server.

    Raises
    ------
    ConfigurationError
        If no OMERO is configured.
    """
    from biomero.adapters.omero import IceScripts

    if settings.omero is None:
        raise ConfigurationError("no OMERO is configured: [OMERO] needs host, user and password_file")
    return IceScripts(settings.omero)


def make_doctor(settings: Settings) -> Tools:
    """Return what an examination is done with. Nothing is connected to before it is used."""
    from biomero.adapters.omero import grid_of_this_node
    from biomero.adapters.persistence.database_url import sqlite_url
    from biomero.adapters.persistence.probe import DatabaseProbe
    from biomero.application.doctor.examination import Tools

    return Tools(
        settings=settings,
        clusters=ClusterDoor(settings),
        workflows=open_catalogue(settings),
        record=DatabaseProbe(
            settings.analytics.database_url or str(sqlite_url(settings.state_folder / "biomero.sqlite"))
        ),
        clock=SystemClock(),
        grid=grid_of_this_node(),
        omero=_omero(settings, image_sources()),
    )


def make_crate_writer(settings: Settings) -> WriteCrate:
    """Return what writes runs as RO-Crates; it needs no cluster and reads no pixels."""
    from biomero.adapters.rocrate import RoCrates
    from biomero.application.write_crate import WriteCrate

    return WriteCrate(
        record=open_record(settings),
        workflows=open_catalogue(settings),
        crates=RoCrates(),
        clock=SystemClock(),
    )
