from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from biomero.application.compare_runs import RunComparison, Verdict, compare_runs
from biomero.bootstrap import image_sources
from biomero.domain.ids import RunId
from services.past_runs import Asked, Home, past_run

LABELS = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.at(tmp_path)
    yield home
    home.record.close()


def tiff(pixels: NDArray[np.generic], written: str = "then") -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, description=written)
    return file.getvalue()


def compared(home: Home, one: dict[str, bytes], other: dict[str, bytes]) -> RunComparison:
    images = (home.image("a.tif"),)
    first = past_run(home, images, one)
    second = past_run(home, images, other, asked=Asked(results="again"))
    return beside(home, first, second)


def beside(home: Home, first: RunId, second: RunId) -> RunComparison:
    return compare_runs(first, second, record=home.record, images=image_sources())


def verdicts(comparison: RunComparison) -> dict[str, Verdict]:
    return {output.path: output.verdict for output in comparison.outputs}


def test_the_same_bytes_are_equal(home: Home) -> None:
    outputs = {"labels/a.tif": tiff(LABELS), "zarr/a.zarr": b"chunk", "tables/a.csv": b"1"}
    comparison = compared(home, outputs, outputs)
    assert set(verdicts(comparison).values()) == {Verdict.EQUAL}
    assert comparison.is_equal


def test_a_label_image_with_another_time_in_it_has_the_same_pixels(home: Home) -> None:
    comparison = compared(
        home, {"labels/a.tif": tiff(LABELS)}, {"labels/a.tif": tiff(LABELS, "now, and longer")}
    )
    assert verdicts(comparison) == {"labels/a.tif": Verdict.SAME_PIXELS}
    assert comparison.is_equal


@pytest.mark.parametrize(
    "other", [LABELS + np.uint16(1), LABELS.astype(np.uint32), LABELS[:32], np.roll(LABELS, 1)]
)
def test_one_pixel_is_a_difference(home: Home, other: NDArray[np.generic]) -> None:
    comparison = compared(home, {"labels/a.tif": tiff(LABELS)}, {"labels/a.tif": tiff(other)})
    assert verdicts(comparison) == {"labels/a.tif": Verdict.DIFFERENT}
    assert not comparison.is_equal


def test_missing_new_and_different_files_are_told_apart(home: Home) -> None:
    comparison = compared(
        home,
        {"tables/a.csv": b"1", "tables/b.csv": b"1", "tables/c.csv": b"1"},
        {"tables/a.csv": b"1", "tables/b.csv": b"2", "tables/d.csv": b"1"},
    )
    assert verdicts(comparison) == {
        "tables/a.csv": Verdict.EQUAL,
        "tables/b.csv": Verdict.DIFFERENT,
        "tables/c.csv": Verdict.MISSING,
        "tables/d.csv": Verdict.NEW,
    }


def test_pixels_that_were_changed_since_are_not_taken_for_those_of_the_run(home: Home) -> None:
    images = (home.image("a.tif"),)
    first = past_run(home, images, {"labels/a.tif": tiff(LABELS)})
    second = past_run(home, images, {"labels/a.tif": tiff(LABELS, "now")}, asked=Asked(results="again"))
    (home.path / "results/labels/a.tif").write_bytes(tiff(LABELS, "tampered"))
    (output,) = beside(home, first, second).outputs
    assert output.verdict is Verdict.DIFFERENT
    assert "has changed since" in output.note
    (home.path / "results/labels/a.tif").unlink()
    (output,) = beside(home, first, second).outputs
    assert "is gone" in output.note


def test_inputs_and_parameters_that_differ_are_named(home: Home) -> None:
    first = past_run(home, (home.image("a.tif"), home.image("b.tif")), {})
    asked = Asked(parameters={"level": 3, "behave": "well", "note": "x"}, results="again")
    second = past_run(home, (home.image("a.tif"), home.image("b.tif", b"other")), {}, asked=asked)
    comparison = beside(home, first, second)
    assert comparison.changed_inputs == ("image_1",)
    assert comparison.changed_parameters == ("level", "note")
    assert not comparison.is_equal


def test_another_program_is_a_difference(home: Home) -> None:
    images = (home.image("a.tif"),)
    first = past_run(home, images, {})
    second = past_run(home, images, {}, asked=Asked(results="again", program=b"another"))
    comparison = beside(home, first, second)
    assert comparison.has_same_outputs
    assert not comparison.has_same_program
    assert not comparison.is_equal


def test_a_run_that_did_not_end_well_equals_nothing(home: Home) -> None:
    images = (home.image("a.tif"),)
    first = past_run(home, images, {}, end="cancelled")
    second = past_run(home, images, {}, end="cancelled", asked=Asked(results="again"))
    assert not beside(home, first, second).is_equal
