from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.draw import polygon2mask

from biomero.adapters.omero import roi_shapes
from biomero.adapters.omero.roi_runs import Runs, runs_of
from biomero.adapters.omero.roi_shapes import MaskShape, PolygonShape, masks, polygons
from biomero.testing.images import ArrayImage


def blobs(shape: tuple[int, ...], seed: int = 3) -> NDArray[np.int32]:
    """Objects 5, 10, 15 ... of ragged shape, with holes and in parts, some of them in several planes."""
    random = np.random.default_rng(seed)
    cells = np.kron(np.arange(1, 17).reshape(4, 4) * 5, np.ones((shape[-2] // 4, shape[-1] // 4), int))
    labels: NDArray[np.int32] = (cells * (random.random(shape) < 0.7)).astype(np.int32)
    return labels


def drawn(runs: Runs, shape: tuple[int, ...], kind: str) -> NDArray[np.int32]:
    numbers, places = zip(*runs.objects(), strict=True)
    again = np.zeros(shape, dtype=np.int32)
    if kind == "polygon":
        for number, outline in zip(numbers, polygons(runs, places), strict=True):
            for polygon in outline:
                again[polygon.z] += number * polygon_pixels(polygon, shape[1:])
    else:
        for number, in_planes in zip(numbers, masks(runs, places), strict=True):
            for mask in in_planes:
                again[mask.z] += number * mask_pixels(mask, shape[1:])
    return again


def polygon_pixels(polygon: PolygonShape, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    corners = np.array([point.split(",") for point in polygon.points.split(" ")], dtype=float)
    pixels: NDArray[np.bool_] = polygon2mask(shape, corners[:, ::-1] - 0.5)  # type: ignore[no-untyped-call]
    return pixels


def mask_pixels(mask: MaskShape, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    pixels = np.zeros(shape, dtype=bool)
    bits = np.unpackbits(np.frombuffer(mask.bits, np.uint8))[: mask.width * mask.height]
    pixels[mask.y : mask.y + mask.height, mask.x : mask.x + mask.width] = bits.reshape(
        mask.height, mask.width
    )
    return pixels


@pytest.mark.parametrize("kind", ["polygon", "mask"])
def test_shapes_have_the_pixels_of_their_objects(kind: str) -> None:
    labels = blobs((3, 24, 36))
    assert np.array_equal(drawn(runs_of(ArrayImage(labels), t=0, c=0), labels.shape, kind), labels)


def test_a_mask_has_one_bit_a_pixel_and_no_more() -> None:
    labels = np.zeros((8, 8), dtype=np.uint8)
    labels[2, 3:6] = 1
    labels[3, 4] = 1
    runs = runs_of(ArrayImage(labels), t=0, c=0)
    (((mask,)),) = masks(runs, [place for _, place in runs.objects()])
    assert mask == MaskShape(0, 3, 2, 3, 2, bytes([0b111_010_00]))


def test_a_mask_that_would_fill_a_message_is_cut_into_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roi_shapes, "_LARGEST_MASK", 100)
    labels = blobs((1, 24, 36))
    runs = runs_of(ArrayImage(labels), t=0, c=0)
    assert np.array_equal(drawn(runs, labels.shape, "mask"), labels)
    assert all(
        mask.width * mask.height <= 100
        for found in masks(runs, [p for _, p in runs.objects()])
        for mask in found
    )
