"""Tables in files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomero.adapters.tables.delimited import read_delimited
from biomero.adapters.tables.names import with_names
from biomero.adapters.tables.parquet import read_parquet
from biomero.application.ports.omero import TableColumn
from biomero.errors import InputError


class TableFiles:
    """See `ResultTables`.

    Columns without a name are called ``column 2``, the second of two with one name ``area_2``. Columns
    ``omero_image``, ``omero_roi``, ``omero_dataset``, ``omero_plate`` and ``omero_well`` that hold nothing
    but whole numbers above 0 are ids of OMERO, and are called ``Image``, ``Roi`` and so on.
    """

    def read(self, path: Path) -> Sequence[TableColumn]:
        """See `ResultTables.read`."""
        try:
            if path.stat().st_size == 0:
                raise InputError(f"{path.name} is empty")
            read = read_parquet if path.suffix.lower() in {".parquet", ".pq"} else read_delimited
            return with_names(read(path))
        except OSError as exc:
            raise InputError(f"{path.name} cannot be read: {exc.strerror or exc}") from exc
