"""Stores of more than one image: plates around images that are written elsewhere, and label images inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from biomero.adapters.ngff.formats import FORMATS
from biomero.adapters.ngff.groups import read_group
from biomero.adapters.ngff.hierarchy import fields_of
from biomero.adapters.ngff.stores import write_errors
from biomero.domain.plates import FieldPath
from biomero.errors import ImageReadError

_Well = tuple[str, str]


class NgffStores:
    """See `StoreContents`; the layout is that of OME-NGFF 0.4 and 0.5, *High-content screening*."""

    def write(
        self, path: Path, *, name: str, fields: Sequence[FieldPath], version: Literal["0.4", "0.5"]
    ) -> None:
        """See `StoreContents.write`."""
        ngff = FORMATS[version]
        wells: dict[_Well, list[str]] = {}
        for field in sorted(fields, key=FieldPath.order):
            wells.setdefault((field.row, field.column), []).append(field.field)
        with write_errors(path):
            ngff.write_group(path, {"plate": _plate(name, wells)}, {})
            for row in dict.fromkeys(row for row, _ in wells):
                ngff.write_group(path / row, {}, {})
            for (row, column), images in wells.items():
                well = {"images": [{"path": image} for image in images]}
                ngff.write_group(path / row / column, {"well": well}, {})

    def fields(self, path: Path) -> Sequence[FieldPath]:
        """See `StoreContents.fields`."""
        try:
            group = read_group(path)
            if "plate" not in group.ome:
                return []
            return [FieldPath.parse(field.relative_to(path).as_posix()) for field in fields_of(group)]
        except (ImageReadError, ValueError):
            return []

    def labels(self, path: Path) -> Sequence[str]:
        """See `StoreContents.labels`; what is listed and not there, or outside, is left out."""
        folder = path / "labels"
        try:
            listed = read_group(folder).ome.get("labels") if folder.is_dir() else None
        except ImageReadError:
            return []
        names = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
        return [name for name in names if _is_inside(folder, name)]


def _is_inside(folder: Path, name: str) -> bool:
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        return False
    path = folder / name
    return path.is_dir() and not path.is_symlink()


def _plate(name: str, wells: Mapping[_Well, Sequence[str]]) -> dict[str, Any]:
    rows = list(dict.fromkeys(row for row, _ in wells))
    columns = sorted({column for _, column in wells}, key=int)
    return {
        "name": name,
        "field_count": max(map(len, wells.values())),
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": [
            {"path": f"{row}/{column}", "rowIndex": rows.index(row), "columnIndex": columns.index(column)}
            for row, column in wells
        ],
    }
