"""Settings to services: the one place that chooses adapters.

Adapters are imported where they are chosen: image and SSH libraries take a second to import, and a command
that only reads the record shall not wait for them.
"""

from __future__ import annotations

from biomero.adapters import config as configuration
from biomero.adapters.config import resources_from
from biomero.bootstrap.clusters import ClusterDoor
from biomero.bootstrap.database import open_accounting, open_database
from biomero.bootstrap.exports import usage_to_parquet, usage_to_png
from biomero.bootstrap.record import make_queue, open_record, open_tracker, open_tracking, sqlite_file
from biomero.bootstrap.services import (
    image_sources,
    make_crate_writer,
    make_doctor,
    make_services,
    official_scripts,
    open_catalogue,
)
from biomero.bootstrap.settings import default_settings, settings_for

__all__ = [
    "ClusterDoor",
    "configuration",
    "default_settings",
    "image_sources",
    "make_crate_writer",
    "make_doctor",
    "make_queue",
    "make_services",
    "official_scripts",
    "open_accounting",
    "open_catalogue",
    "open_database",
    "open_record",
    "open_tracker",
    "open_tracking",
    "resources_from",
    "settings_for",
    "sqlite_file",
    "usage_to_parquet",
    "usage_to_png",
]
