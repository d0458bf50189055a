"""Which images the rows of a table are of."""

from __future__ import annotations

from biomero.application.ports.omero import TableColumn
from biomero.application.result_columns import with_image_ids

IDS = {"cell_1": 11, "cell_11": 12}


def text(name: str, *values: str) -> TableColumn:
    return TableColumn(name=name, kind="string", values=values)


def test_a_table_of_one_image_has_it_in_every_row() -> None:
    area = TableColumn(name="area", kind="long", values=[3, 4])
    ids, *others = with_image_ids([area], owner=11, ids=IDS)
    assert (ids.name, ids.kind, list(ids.values)) == ("Image", "image", [11, 11])
    assert others == [area]


def test_names_of_images_are_known_with_and_without_a_suffix_and_never_by_likeness() -> None:
    assert list(with_image_ids([text("f", "cell_11.tif", "cell_1")], owner=None, ids=IDS)[0].values) == [
        12,
        11,
    ]
    for odd in ("cell_1 ", "Cell_1", "cell_1_mask", "cell"):
        columns = [text("f", "cell_1", odd)]
        assert with_image_ids(columns, owner=None, ids=IDS) == tuple(columns)


def test_a_table_that_has_ids_and_one_that_has_no_rows_stay_as_they_are() -> None:
    has = [TableColumn(name="i", kind="image", values=[1]), text("f", "cell_1")]
    assert with_image_ids(has, owner=11, ids=IDS) == tuple(has)
    empty = [text("f")]
    assert with_image_ids(empty, owner=None, ids=IDS) == tuple(empty)


def test_a_column_that_has_the_name_already_gets_another() -> None:
    made = with_image_ids([text("Image", "cell_1")], owner=None, ids=IDS)
    assert [column.name for column in made] == ["Image", "Image (given)"]
