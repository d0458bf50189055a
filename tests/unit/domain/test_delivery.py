from __future__ import annotations

import pytest

from biomero.domain.delivery import LabelRule, is_table, label_rule, may_be_image, stem_of
from biomero.domain.descriptor import Output
from biomero.domain.imaging import ImageMetadata, Quantity
from biomero.domain.label_metadata import is_described, label_metadata


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.tif", "a"),
        ("a.OME.TIF", "a"),
        ("a.b.ome.zarr", "a.b"),
        (".ome.tif", ".ome"),
        ("..hidden", "..hidden"),
        ("a.", "a"),
        ("a", "a"),
        ("a.0.tif", "a.0"),
    ],
)
def test_a_stem_is_a_name_without_its_suffix(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_what_a_file_may_be_is_told_by_its_suffix() -> None:
    assert is_table("x/a.CSV")
    assert not is_table("csv")
    assert may_be_image("a.ome.tiff")
    assert may_be_image("a.zarr")
    assert not may_be_image("a.txt")


def output(*sub_types: str, formats: tuple[str, ...] = (), kind: str = "image") -> Output:
    return Output(id="o", type=kind, name="o", sub_types=sub_types, formats=formats)


@pytest.mark.parametrize(
    ("outputs", "rule"),
    [
        ([], LabelRule.CONVENTION),
        ([output(kind="Number")], LabelRule.CONVENTION),
        ([output("label")], LabelRule.LABEL),
        ([output("Labeled", formats=("OME-TIFF",))], LabelRule.LABEL),
        ([output("label", formats=("png",))], LabelRule.IMAGE),
        ([output("grayscale", "color")], LabelRule.IMAGE),
        ([output("grayscale", "label")], LabelRule.CONVENTION),
        ([output()], LabelRule.CONVENTION),
        ([output("label", formats=("tif",)), output("color", formats=("png",))], LabelRule.LABEL),
        ([output("label"), output("color")], LabelRule.CONVENTION),
    ],
)
def test_the_descriptor_says_whether_images_are_labels(outputs: list[Output], rule: LabelRule) -> None:
    assert label_rule("cell_1.tif", outputs) is rule


UM = Quantity(value=0.5, unit="micrometer")
STEP = Quantity(value=2, unit="micrometer")
PIXEL = {"y": UM, "x": UM}


def image(axes: str, *shape: int, scale: dict[str, Quantity] | None = None) -> ImageMetadata:
    return ImageMetadata(name="n", axes=axes, shape=shape, dtype="uint16", scale=scale or {})


@pytest.mark.parametrize(
    ("labels", "source", "expected"),
    [
        (image("yx", 8, 9), image("yx", 8, 9, scale=PIXEL), image("yx", 8, 9, scale=PIXEL)),
        (image("yx", 8, 9), image("cyx", 3, 8, 9, scale=PIXEL), image("yx", 8, 9, scale=PIXEL)),
        # a stack that its file calls channels is a stack again
        (
            image("cyx", 4, 8, 9),
            image("zyx", 4, 8, 9, scale={**PIXEL, "z": STEP}),
            image("zyx", 4, 8, 9, scale={**PIXEL, "z": STEP}),
        ),
        (image("yx", 8, 9), image("tzyx", 1, 1, 8, 9), image("tzyx", 1, 1, 8, 9)),
        # a projection along z has no z
        (
            image("yx", 8, 9),
            image("zyx", 4, 8, 9, scale={**PIXEL, "z": STEP}),
            image("yx", 8, 9, scale=PIXEL),
        ),
        # fewer slices than the source has: their distance is not known
        (
            image("zyx", 2, 8, 9),
            image("zyx", 4, 8, 9, scale={**PIXEL, "z": STEP}),
            image("zyx", 2, 8, 9, scale=PIXEL),
        ),
        (
            image("yx", 4, 4, scale={"x": STEP}),
            image("yx", 8, 9, scale=PIXEL),
            image("yx", 4, 4, scale={"x": STEP}),
        ),
        (image("tczyx", 1, 1, 1, 8, 9, scale=PIXEL), None, image("yx", 8, 9, scale=PIXEL)),
    ],
)
def test_a_label_image_takes_over_axes_and_pixel_sizes(
    labels: ImageMetadata, source: ImageMetadata | None, expected: ImageMetadata
) -> None:
    assert label_metadata(labels, source, name="n") == expected


def test_a_label_image_with_all_its_metadata_is_known_as_such() -> None:
    wanted = image("yx", 8, 9, scale=PIXEL)
    assert is_described(image("tczyx", 1, 1, 1, 8, 9, scale=PIXEL), wanted)
    assert not is_described(image("yx", 8, 9), wanted)
