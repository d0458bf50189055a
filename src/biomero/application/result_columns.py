"""Tables of results, with the images that their rows are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.application.ports.omero import TableColumn
from biomero.domain.delivery import stem_of

IMAGE = "Image"
"""The column of ids, by which OMERO's clients join a table to images."""


def with_image_ids(
    columns: Sequence[TableColumn], *, owner: int | None, ids: Mapping[str, int]
) -> tuple[TableColumn, ...]:
    """Put a column of image ids in front, where it is certain which images are meant.

    A table of one image has that image in every row. In a table of the run the first column counts whose
    every value is the name of an image of the run, exactly, with or without the suffix of a file. Nothing is
    guessed, and a table that has ids already is left alone.

    Parameters
    ----------
    ids
        Ids of images by their names during the run.
    """
    if any(column.kind == "image" for column in columns) or not columns:
        return tuple(columns)
    if owner is not None:
        return _with(columns, [owner] * len(columns[0].values))
    for column in columns:
        found = [_id_of(value, ids) for value in column.values]
        if found and None not in found:
            return _with(columns, [i for i in found if i is not None])
    return tuple(columns)


def _id_of(value: object, ids: Mapping[str, int]) -> int | None:
    return ids.get(value, ids.get(stem_of(value))) if isinstance(value, str) else None


def _with(columns: Sequence[TableColumn], ids: Sequence[int]) -> tuple[TableColumn, ...]:
    others = [
        TableColumn(name=f"{c.name} (given)", kind=c.kind, values=c.values) if c.name == IMAGE else c
        for c in columns
    ]
    return (TableColumn(name=IMAGE, kind="image", values=list(ids)), *others)
