from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaozarrs

from biomero.adapters.ngff import NgffSource, add_label_image
from biomero.errors import ImageReadError, ImageWriteError
from biomero.testing.images import ArrayImage
from services.ngff import Write, levels, ome


def labels(value: int = 1) -> ArrayImage:
    return ArrayImage(np.full((300, 300), value, "int32"), "yx", name="nuclei")


@pytest.fixture
def image_path(write: Write) -> Path:
    return write(ArrayImage(np.zeros((300, 300), "uint16"), "yx"))


def test_a_label_image_is_listed_beside_its_image(image_path: Path) -> None:
    path = add_label_image(image_path, "nuclei", labels(), colors={2: (0, 255, 0, 255), 1: (255, 0, 0, 128)})
    yaozarrs.validate_zarr_store(str(image_path))
    assert path == image_path / "labels" / "nuclei"
    assert ome(image_path / "labels")["labels"] == ["nuclei"]
    description = ome(path)["image-label"]
    assert description["source"] == {"image": "../../"}
    assert description["colors"][0] == {"label-value": 1, "rgba": [255, 0, 0, 128]}
    assert NgffSource().open(path).metadata.dtype == "int32"
    assert NgffSource().images_in(image_path) == 1


def test_adding_labels_again_replaces_them_and_keeps_others(image_path: Path) -> None:
    add_label_image(image_path, "cells", labels(7))
    add_label_image(image_path, "nuclei", labels(1))
    path = add_label_image(image_path, "nuclei", labels(2))
    assert ome(image_path / "labels")["labels"] == ["cells", "nuclei"]
    assert levels(path)[0].max() == 2
    yaozarrs.validate_zarr_store(str(image_path))


def test_labels_that_cannot_be_read_leave_the_old_ones(image_path: Path) -> None:
    path = add_label_image(image_path, "nuclei", labels(1))
    damaged = ArrayImage(np.zeros((300, 300), "uint8"), "yx", damaged_plane=0)
    with pytest.raises(ImageReadError, match="damaged"):
        add_label_image(image_path, "nuclei", damaged)
    assert levels(path)[0].max() == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", ".zattrs"])
def test_a_name_that_is_no_name_of_a_folder_is_refused(image_path: Path, name: str) -> None:
    with pytest.raises(ImageWriteError, match="cannot be called"):
        add_label_image(image_path, name, labels())


def test_labels_are_integers(image_path: Path) -> None:
    with pytest.raises(ImageWriteError, match="labels are integers"):
        add_label_image(image_path, "a", ArrayImage(np.zeros((4, 4), "float32"), "yx"))


def test_there_must_be_an_image(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match="is not an OME-Zarr folder"):
        add_label_image(tmp_path, "nuclei", labels())
