"""Which ROIs the rows of a table are of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from biomero.application.ports.omero import TableColumn
from biomero.application.result_rois import ResultRois
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.domain.omero_targets import LabelledObject

IDS = (11, 12)
STEMS = ("cell_1", "cell_2")


def output(made_as: str, image: int | None = 0, kind: OutputKind = OutputKind.LABEL) -> OutputRecord:
    return OutputRecord(path=f"x/{made_as}", sha256="", size=1, kind=kind, image=image, made_as=made_as)


def table(made_as: str = "cell_1_table.csv") -> OutputRecord:
    return output(made_as, kind=OutputKind.TABLE)


def column(name: str, *values: float | str, kind: str = "long") -> TableColumn:
    return TableColumn(name=name, kind=kind, values=values)


def rois_of(*labels: OutputRecord, times: Sequence[int] | None = None, c: int | None = None) -> ResultRois:
    """Return the ROIs of three objects in each label image, with ids that tell image and label image."""
    asked: list[tuple[int, str]] = []
    places: Sequence[int | None] = [None] if times is None else times

    def ask(image: int, label: OutputRecord) -> Mapping[LabelledObject, int]:
        assert (image, label.path) not in asked
        asked.append((image, label.path))
        first = 10_000 * image + 1000 * labels.index(label)
        return {
            LabelledObject(number, t, c): first + 100 * (t or 0) + number
            for number in (1, 2, 3)
            for t in places
        }

    return ResultRois(outputs=labels, stems=STEMS, ids=IDS, ask=ask)


def ids_in(
    rois: ResultRois, columns: Sequence[TableColumn], of: OutputRecord | None = None
) -> list[int] | None:
    """Return the ids that a table got; ``None`` where it was left alone."""
    for _ in range(2):
        made = rois.with_ids(of or table(), columns)
    if made == tuple(columns):
        return None
    found = [one for one in made if one.kind == "roi"]
    assert [one.name for one in made if one.kind in {"image", "roi"}] == ["Image", "Roi"]
    assert [one for one in made if one is not found[0]] == list(columns)
    return [int(value or 0) for value in found[0].values]


@pytest.mark.parametrize(
    "name", ["label", "Label", "label_id", "ObjectNumber", "object number", "object_id", "object"]
)
def test_rows_get_the_roi_of_their_number_and_others_none(name: str) -> None:
    columns = [column("Image", 11, 11, 11, kind="image"), column(name, 3, 7, 1)]
    assert ids_in(rois_of(output("cell_1.tif")), columns) == [110_003, -1, 110_001]


@pytest.mark.parametrize(
    "columns",
    [
        [column("label", 1, 2)],
        [column("Image", 11, 11, kind="image"), column("area", 1, 2)],
        [column("Image", 11, 11, kind="image"), column("label", 1, 2.5, kind="double")],
        [column("Image", 11, 11, kind="image"), column("label", "1", "2", kind="string")],
        [column("Image", 11, 11, kind="image"), column("label", 1, 2), column("object", 1, 2)],
        [column("Image", 11, 11, kind="image"), column("label", 1, 1)],
        [column("Image", 11, 11, kind="image"), column("label", 8, 9)],
        [column("Image", 11, 11, kind="image"), column("label", 1, 2), column("Roi", 5, 6, kind="roi")],
        [column("Image", 11, 11, kind="image"), column("other", 11, 11, kind="image"), column("label", 1, 2)],
        [column("Image", 12, 12, kind="image"), column("label", 1, 2)],
        [column("Image", kind="image"), column("label")],
    ],
    ids=[
        "no images",
        "no numbers",
        "no whole numbers",
        "texts",
        "two columns of numbers",
        "an object twice",
        "no object of the label image",
        "has ids",
        "two columns of images",
        "an image without labels",
        "no rows",
    ],
)
def test_what_is_not_certain_is_left_alone(columns: Sequence[TableColumn]) -> None:
    labels = output("cell_1.tif")
    assert ids_in(rois_of(labels), columns) is None


ROWS = (column("Image", 11, 11, kind="image"), column("label", 1, 2))


@pytest.mark.parametrize(
    ("labels", "made_as", "nth"),
    [
        (["nuclei/cell_1.tif", "cells/cell_1.tif"], "cells/cell_1.csv", 1),
        (["nuclei/cell_1.tif", "cells/cell_1.tif"], "cell_1.csv", None),
        (["nuclei/cell_1.tif", "cells/cell_1.tif"], "tables/cell_1.csv", None),
        (["cell_1_nuclei.ome.tif", "cell_1_cells.ome.tif"], "cell_1_nuclei.csv", 0),
        (["a/cell_1_nuclei.tif", "a/cell_1_cells.tif"], "b/cell_1_cells.csv", 1),
        (["cell_1_nuclei.tif", "cell_1_cells.tif"], "cell_1_nuclei_table.csv", None),
        # the image's own name tells nothing
        (["cell_1.tif", "cell_1_cells.tif"], "cell_1.csv", None),
        (["a/cell_1_cells.tif", "b/cell_1_cells.tif"], "cell_1_cells.csv", None),
    ],
)
def test_of_several_label_images_the_table_names_one(
    labels: list[str], made_as: str, nth: int | None
) -> None:
    rois = rois_of(*(output(label) for label in labels))
    wanted = None if nth is None else [110_000 + 1000 * nth + number for number in (1, 2)]
    assert ids_in(rois, ROWS, table(made_as)) == wanted


def test_a_table_of_the_run_has_the_rois_of_each_image() -> None:
    columns = [column("Image", 12, 11, 12, 99, kind="image"), column("label", 1, 1, 2, 1)]
    rois = rois_of(output("cell_1.tif"), output("cell_2.tif", 1))
    assert ids_in(rois, columns) == [121_001, 110_001, 121_002, -1]


def test_one_image_of_several_label_images_leaves_a_table_of_the_run_alone() -> None:
    columns = [column("Image", 11, 12, kind="image"), column("label", 1, 1)]
    rois = rois_of(output("a.tif"), output("cell_2.tif", 1), output("b.tif", 1))
    assert ids_in(rois, columns) is None


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (column("frame", 0, 1, 2), [110_001, 110_101, 110_202]),
        (column("T", 0, 1, 5), [110_001, 110_101, -1]),
        (column("t", 1, 2, 3), None),  # counts from 1, it seems
        (column("t", 0.0, 1.0, 2.0, kind="double"), None),
        (column("day", 0, 1, 2), None),
    ],
    ids=["from 0", "beyond", "from 1", "no whole numbers", "no name of time"],
)
def test_several_time_points_need_a_column_of_time(times: TableColumn, found: list[int] | None) -> None:
    columns = [column("Image", 11, 11, 11, kind="image"), column("label", 1, 1, 2), times]
    assert ids_in(rois_of(output("cell_1.tif"), times=(0, 1, 2)), columns) == found


def test_one_time_point_needs_none_and_does_not_mind_one() -> None:
    columns = [column("Image", 11, 11, kind="image"), column("label", 1, 2), column("t", 0, 0)]
    assert ids_in(rois_of(output("cell_1.tif")), columns) == [110_001, 110_002]


def test_objects_of_several_channels_are_not_told_apart() -> None:
    assert ids_in(rois_of(output("cell_1.tif"), c=1), ROWS) is None


def test_a_column_of_the_name_gets_another() -> None:
    columns = [*ROWS, column("Roi", 4, 5)]
    made = rois_of(output("cell_1.tif")).with_ids(table(), columns)
    assert [one.name for one in made] == ["Image", "Roi", "label", "Roi (given)"]
