"""Which ROIs the rows of a table are of, where that is certain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from biomero.application.ports.omero import TableColumn
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.domain.delivery import stem_of
from biomero.domain.omero_targets import LabelledObject

ROI = "Roi"
"""The column of ids, by which OMERO's clients show the ROI of a row."""
NO_ROI = -1
_NUMBERS = frozenset({"label", "labelid", "labelnumber", "object", "objectid", "objectnumber"})
_TIMES = frozenset({"t", "time", "timepoint", "timeindex", "frame"})

RoiIds = Mapping[LabelledObject, int]
"""Ids of ROIs by the objects of one label image."""


@dataclass(slots=True, kw_only=True)
class ResultRois:
    """The ROIs that label images of a run gave.

    Parameters
    ----------
    outputs
        All results of the run.
    stems
        The names of the run's images, by index.
    ids
        The ids of images, by index.
    ask
        Returns the ROIs that a label image of an image, by its id, gave in this run.
    """

    outputs: Sequence[OutputRecord]
    stems: Sequence[str]
    ids: Sequence[int]
    ask: Callable[[int, OutputRecord], RoiIds]
    _asked: dict[tuple[int, str], RoiIds] = field(default_factory=dict)

    def with_ids(self, table: OutputRecord, columns: Sequence[TableColumn]) -> tuple[TableColumn, ...]:
        """Put a column of ROI ids behind that of image ids, or return the table as it is.

        It is put there if all of this holds: the table has one column of image ids and none of ROI ids; one
        column of whole numbers has a name for numbers of objects; each image in it has one label image, or
        the table is called as one of them; if that has several time points, one column of whole numbers has
        a name for time and begins with 0; no object has two rows; and at least one row has a ROI.
        Rows without one have `NO_ROI`.
        """
        images = [column for column in columns if column.kind == "image"]
        numbers, times = _integers(columns, _NUMBERS), _integers(columns, _TIMES)
        if len(images) != 1 or len(numbers) != 1 or any(column.kind == "roi" for column in columns):
            return tuple(columns)
        of_rows = _whole(images[0])
        rois: dict[int, RoiIds] = {}
        for image in dict.fromkeys(of_rows):
            labels = self._label_images(image, table)
            if len(labels) > 1:
                return tuple(columns)
            rois[image] = self._rois(image, labels[0]) if labels else {}
        needs_time = {image for image, ids in rois.items() if any(one.t is not None for one in ids)}
        if needs_time and (len(times) != 1 or min(_whole(times[0]), default=0) != 0):
            return tuple(columns)
        at = _whole(times[0]) if needs_time else [0] * len(of_rows)
        rows = [
            (image, LabelledObject(number, t if image in needs_time else None))
            for image, number, t in zip(of_rows, _whole(numbers[0]), at, strict=True)
        ]
        found = [rois[image].get(one, NO_ROI) for image, one in rows]
        if len(set(rows)) < len(rows) or set(found) <= {NO_ROI}:
            return tuple(columns)
        return _inserted(columns, images[0], found)

    def _label_images(self, image: int, table: OutputRecord) -> Sequence[OutputRecord]:
        """Return the label images of an image that a table may speak of."""
        indices = {index for index, number in enumerate(self.ids) if number == image}
        labels = [o for o in self.outputs if o.kind is OutputKind.LABEL and o.image in indices]
        own = {self.stems[index] for index in indices}
        for name_of in (_stem, _last_stem) if len(labels) > 1 else ():
            if len(alike := _called_alike(table, labels, own, name_of)) == 1:
                return alike
        return labels

    def _rois(self, image: int, label: OutputRecord) -> RoiIds:
        key = (image, label.path)
        if key not in self._asked:
            self._asked[key] = self.ask(image, label)
        return self._asked[key]


def _called_alike(
    table: OutputRecord,
    labels: Sequence[OutputRecord],
    own: set[str],
    name_of: Callable[[OutputRecord], str],
) -> list[OutputRecord]:
    """Return the label images of a table's name; the name of their image itself tells them not apart."""
    name = name_of(table)
    return [] if name in own else [label for label in labels if name_of(label) == name]


def _stem(output: OutputRecord) -> str:
    """Return the path that the workflow gave a result, without suffix."""
    path = PurePosixPath(output.made_as or output.path)
    return (path.parent / stem_of(path.name)).as_posix()


def _last_stem(output: OutputRecord) -> str:
    return PurePosixPath(_stem(output)).name


def _integers(columns: Sequence[TableColumn], names: frozenset[str]) -> list[TableColumn]:
    return [c for c in columns if c.kind == "long" and _plain(c.name) in names]


def _plain(name: str) -> str:
    """``Object Number`` and ``object_number`` are one name."""
    return "".join(char for char in name.lower() if char.isalnum())


def _whole(column: TableColumn) -> list[int]:
    return [int(value) for value in column.values if value is not None]


def _inserted(
    columns: Sequence[TableColumn], behind: TableColumn, ids: Sequence[int]
) -> tuple[TableColumn, ...]:
    made: list[TableColumn] = []
    for column in columns:
        is_taken = column.name == ROI
        made.append(
            TableColumn(name=f"{ROI} (given)", kind=column.kind, values=column.values) if is_taken else column
        )
        if column is behind:
            made.append(TableColumn(name=ROI, kind="roi", values=list(ids)))
    return tuple(made)
