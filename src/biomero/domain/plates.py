"""Plates of OME-Zarr: where images lie within one, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from biomero.domain.omero import WellPlace, row_name

SUFFIX = ".ome.zarr"
_PARTS = 3


@dataclass(frozen=True, slots=True)
class FieldPath:
    """The folder of an image below its plate: row, column and field, as OME-NGFF names them."""

    row: str
    column: str
    field: str

    def __str__(self) -> str:
        return f"{self.row}/{self.column}/{self.field}"

    def order(self) -> tuple[int, str, int, str, int, str]:
        """Return what fields are put in order by, as people do: B before AA, 2 before 10."""
        return (len(self.row), self.row, len(self.column), self.column, len(self.field), self.field)

    @classmethod
    def of_place(cls, place: WellPlace) -> FieldPath:
        """Return where the image of a well lies; columns are counted from 1, fields from 0."""
        return cls(row_name(place.row), str(place.column + 1), str(place.field))

    @classmethod
    def parse(cls, text: str) -> FieldPath:
        """Read ``A/1/0``.

        Raises
        ------
        ValueError
            If it is no such path.
        """
        parts = text.split("/")
        if len(parts) != _PARTS or not all(part.isascii() and part.isalnum() for part in parts):
            raise ValueError(f"{text!r} is no row, column and field of a plate")
        return cls(*parts)


def split_staged(name: str) -> tuple[str, FieldPath] | None:
    """Return the plate and the place of an image by its name on the cluster; ``None`` where it lies alone.

    >>> split_staged("P.ome.zarr/A/1/0")
    ('P', FieldPath(row='A', column='1', field='0'))
    """
    plate, _, inside = name.partition("/")
    return (plate.removesuffix(SUFFIX), FieldPath.parse(inside)) if inside else None


def field_stem(plate: str, field: FieldPath) -> str:
    """Return what an image of a plate is called where it lies alone; no two fields of plates share a name.

    >>> field_stem("P", FieldPath("A", "1", "0"))
    'P_A_1_0'
    """
    return f"{plate}_{field.row}_{field.column}_{field.field}"
