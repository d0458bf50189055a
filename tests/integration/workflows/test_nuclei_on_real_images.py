"""The quality that the README states, on images that nothing was chosen on."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import tifffile
from nuclei_segmentation.method import Settings, segment

from services.segmentation_quality import agreement
from services.synthetic_nuclei import Scene, nuclei
from services.workflow_programs import run_workflow


def test_real_nuclei_are_found_with_an_f1_of_080_in_each_half(
    demo_images: Mapping[str, Path], tmp_path: Path
) -> None:
    images = tmp_path / "in"
    images.mkdir()
    shutil.copy(demo_images["nuclei-dsb2018.tif"], images / "a.tif")
    done = run_workflow("nuclei-segmentation", infolder=images, outfolder=tmp_path / "out")
    assert done.returncode == 0, done.stderr
    truth = tifffile.imread(demo_images["nuclei-dsb2018.truth.tif"])
    labels = tifffile.imread(tmp_path / "out" / "a.tif")
    assert len(np.unique(truth)) == 126
    assert agreement(truth, labels).f1 >= 0.85
    for half in (np.s_[:, :256], np.s_[:, 256:]):
        assert agreement(truth[half], labels[half]).f1 >= 0.8


def test_a_low_contrast_stack_is_done_better_than_by_half(demo_images: Mapping[str, Path]) -> None:
    stack = tifffile.imread(demo_images["nuclei-3d.tif"])
    truth = tifffile.imread(demo_images["nuclei-3d.truth.tif"])
    assert agreement(truth, segment(stack, Settings())).f1 >= 0.5


def test_a_damaged_image_is_named_and_the_others_are_done(
    demo_images: Mapping[str, Path], tmp_path: Path
) -> None:
    images = tmp_path / "in"
    images.mkdir()
    whole = demo_images["nuclei-dsb2018.tif"].read_bytes()
    (images / "b cut.tif").write_bytes(whole[:5000])
    (images / "c empty.tif").touch()
    (images / "d text.tif").write_text("no image")
    tifffile.imwrite(images / "a $(x) 'é.tif", tifffile.imread(demo_images["nuclei-dsb2018.tif"])[:200, :200])
    (images / "notes.txt").write_text("not an image, and ignored")
    done = run_workflow("nuclei-segmentation", infolder=images, outfolder=tmp_path / "out")
    assert done.returncode == 3
    assert "FAILED 3 of 4 images: b cut.tif, c empty.tif, d text.tif" in done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("PROGRESS")][-1] == "PROGRESS 4/4"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a $(x) 'é.tif", "nuclei.csv"]
    with (tmp_path / "out" / "nuclei.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == ["a $(x) 'é.tif"]
    assert int(rows[0]["n_objects"]) > 10


@pytest.mark.parametrize(("flag", "value"), [("channel", 1), ("channel", -1)])
def test_a_channel_that_is_not_there_is_named(
    demo_images: Mapping[str, Path], tmp_path: Path, flag: str, value: int
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(demo_images["nuclei-dsb2018.tif"], tmp_path / "in" / "a.tif")
    done = run_workflow("nuclei-segmentation", infolder=tmp_path / "in", outfolder=tmp_path, **{flag: value})
    assert done.returncode == 3
    assert f"there is no channel {value}; the image has 0 to 0" in done.stderr


def test_the_three_workflows_follow_one_another(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    moments = [nuclei(Scene(shape=(20, 64, 64), count=8, diameter=16), seed=seed) for seed in (501, 502)]
    image = np.stack([np.stack([moment[0]] * 2, axis=1) for moment in moments])
    sizes = {f"PhysicalSize{axis}": size for axis, size in zip("XYZ", (0.5, 0.5, 0.5), strict=True)}
    units = {f"PhysicalSize{axis}Unit": "µm" for axis in "XYZ"}
    metadata = {"axes": "TZCYX", **sizes, **units}
    tifffile.imwrite(tmp_path / "in" / "a.ome.tif", image, photometric="minisblack", metadata=metadata)
    nuclei_folder, cells, table = (tmp_path / name for name in ("nuclei", "cells", "table"))
    first = run_workflow("nuclei-segmentation", infolder=tmp_path / "in", outfolder=nuclei_folder, channel=1)
    second = run_workflow(
        "cell-expansion",
        infolder=nuclei_folder,
        outfolder=cells,
        max_pixels=3,
        discard_cells_without_cytoplasm="False",
    )
    third = run_workflow("measure", infolder=tmp_path / "in", labels=nuclei_folder, outfolder=table)
    assert [done.returncode for done in (first, second, third)] == [0, 0, 0], third.stderr
    labels = tifffile.imread(nuclei_folder / "a.ome.tif")
    assert labels.shape == (2, 20, 64, 64)
    grown = tifffile.imread(cells / "a_cells.tif")
    np.testing.assert_array_equal(grown[labels > 0], labels[labels > 0])
    assert not (tifffile.imread(cells / "a_cytoplasm.tif")[labels > 0]).any()
    with (table / "measurements.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {(int(row["t"]), int(row["label"])) for row in rows} == {
        (t, int(label)) for t in (0, 1) for label in np.unique(labels[t]) if label
    }
    assert all(float(row["volume_um3"]) == float(row["area_pixels"]) / 8 for row in rows)
    assert all(row["c0_mean"] == row["c1_mean"] != "" for row in rows)
    assert {row["area_um2"] for row in rows} == {""}


def test_labels_without_an_image_or_of_another_shape_are_named(tmp_path: Path) -> None:
    images, labels = tmp_path / "images", tmp_path / "labels"
    for folder, names in ((images, ("fits", "smaller", "no labels")), (labels, ("fits", "smaller", "alone"))):
        folder.mkdir()
        for name in names:
            side = 5 if name == "smaller" and folder == labels else 8
            tifffile.imwrite(folder / f"{name}.tif", np.ones((side, side), np.uint8))
    done = run_workflow("measure", infolder=images, labels=labels, outfolder=tmp_path)
    assert done.returncode == 3
    assert "FAILED 3 of 4 images: alone.tif, no labels.tif, smaller.tif" in done.stderr
    assert "differ in shape (t, z, y, x): (1, 1, 5, 5) and (1, 1, 8, 8)" in done.stderr
    assert len((tmp_path / "measurements.csv").read_text().splitlines()) == 2


def test_an_image_is_not_taken_for_its_own_labels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8), np.uint8))
    done = run_workflow("measure", infolder=tmp_path, labels=tmp_path, outfolder=tmp_path / "out")
    assert done.returncode == 2
    assert "images and labels are one folder" in done.stderr


def test_an_empty_folder_and_wrong_values_are_refused(tmp_path: Path) -> None:
    assert run_workflow("cell-expansion", infolder=tmp_path, outfolder=tmp_path / "out").returncode == 2
    for flags in (
        {"min_area": "many"},
        {"diameter": -1},
        {"threshold": "magic"},
        {"infolder": tmp_path / "x"},
    ):
        done = run_workflow("nuclei-segmentation", **{"infolder": tmp_path, "outfolder": tmp_path, **flags})
        assert done.returncode == 2
        assert str(next(iter(flags.values()))) in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("side", "count"), [(512, 100), (2048, 1600)])
def test_large_images_are_segmented_as_well_as_small_ones(side: int, count: int) -> None:
    image, truth = nuclei(Scene(shape=(side, side), count=count), seed=503)
    assert agreement(truth, segment(image, Settings())).f1 > 0.9
