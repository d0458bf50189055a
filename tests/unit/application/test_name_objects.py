"""Names of imported images."""

from __future__ import annotations

import pytest

from biomero.application.name_objects import check_pattern, image_name
from biomero.errors import ParameterError


@pytest.mark.parametrize(
    ("pattern", "source", "is_label", "name"),
    [
        ("", "cell 1.czi", True, "cell 1.czi [a_mask]"),
        ("", "cell 1.czi", False, "a_mask.ome.tif"),
        ("", None, True, "a_mask.ome.tif"),
        ("{original_file}.{original_ext}", "cell 1.czi", True, "cell 1.czi"),
        ("{original_file}_x.{ext}", None, True, "a_mask.ome.tif"),
        ("{file}.{ext}", "{ext}.tif", False, "a_mask.ome.tif"),
        ("{original_file}", "{file}.tif", False, "{file}"),
        ("../../{file}", None, False, "../../a_mask"),
    ],
)
def test_names_come_from_source_and_output(
    pattern: str, source: str | None, *, is_label: bool, name: str
) -> None:
    assert image_name(pattern, output="a_mask.ome.tif", source=source, is_label=is_label) == name


def test_a_name_is_never_longer_than_omero_takes() -> None:
    assert len(image_name("{file}" * 200, output="abc.tif", source=None, is_label=False)) == 255


@pytest.mark.parametrize("pattern", ["{0}", "{file.__class__}", "{", "{original_file}}", "{File}"])
def test_a_place_that_nobody_knows_is_refused(pattern: str) -> None:
    with pytest.raises(ParameterError, match=r"\{original_file\}"):
        check_pattern(pattern)


def test_patterns_of_known_places_pass() -> None:
    check_pattern("{original_file}_{file} nuclei.{ext}")
