"""On images with a known truth whose seeds were not used while the method was made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nuclei_segmentation.method import Settings, segment
from numpy.typing import NDArray

from services.segmentation_quality import agreement
from services.synthetic_nuclei import Scene, nuclei

_SCENES = {
    "apart": (Scene(shape=(256, 256), count=25), 0.95),
    "small": (Scene(shape=(256, 256), diameter=14, count=60, clustered=0.6), 0.93),
    "large": (Scene(shape=(256, 256), diameter=45, count=10, texture=0.2), 0.9),
    "dense": (Scene(shape=(256, 256), count=42, clustered=0.7, overlap=0.2, brightness_spread=0.4), 0.8),
    "noisy": (Scene(shape=(256, 256), count=30, noise=0.25, clustered=0.5), 0.88),
    "uneven": (Scene(shape=(384, 384), count=60, background_slope=2, clustered=0.5), 0.9),
    "elongated": (Scene(shape=(384, 384), count=60, elongation=3, clustered=0.6), 0.85),
    "mitotic": (Scene(shape=(256, 256), count=30, mitotic=0.3, clustered=0.6), 0.9),
    "in 3D": (Scene(shape=(24, 96, 96), diameter=18, count=40, clustered=0.5), 0.88),
    "dense in 3D": (Scene(shape=(32, 72, 72), diameter=14, count=90, clustered=0.7), 0.8),
}


@pytest.mark.parametrize(("scene", "expected"), _SCENES.values(), ids=_SCENES.keys())
def test_nuclei_are_found_and_parted(scene: Scene, expected: float) -> None:
    image, truth = nuclei(scene, seed=301)
    assert agreement(truth, segment(image, Settings())).f1 >= expected


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 80), np.uint16),
        np.full((50, 50), 7.5, np.float32),
        np.random.default_rng(1).poisson(100, (256, 256)).astype(np.uint16),
        np.zeros((5, 40, 40), np.uint8),
        np.ones((1, 5), np.uint8),
    ],
    ids=["black", "grey", "noise", "black stack", "five pixels"],
)
def test_an_image_without_nuclei_has_none(image: NDArray[Any]) -> None:
    labels = segment(image, Settings())
    assert labels.shape == image.shape
    assert not labels.any()


def test_labels_count_from_1_without_gaps_and_none_is_too_small() -> None:
    image, _ = nuclei(Scene(shape=(200, 200), count=20, size_spread=0.4), seed=302)
    labels = segment(image, Settings(min_area=300))
    sizes = np.bincount(labels.ravel())[1:]
    assert sizes.size > 3
    assert sizes.min() >= 300


def test_the_same_image_gives_the_same_labels_and_brightness_does_not_matter() -> None:
    image, _ = nuclei(Scene(shape=(128, 128), count=12), seed=303)
    first = segment(image, Settings())
    np.testing.assert_array_equal(segment(image, Settings()), first)
    assert agreement(first, segment(image.astype(np.float64) / 65535 + 3, Settings())).f1 > 0.95


def test_a_larger_threshold_factor_finds_fewer_pixels() -> None:
    image, _ = nuclei(Scene(shape=(128, 128), count=12), seed=304)
    found = [int((segment(image, Settings(threshold_factor=f)) > 0).sum()) for f in (1.0, 4.0)]
    assert found[1] < found[0]


def test_thick_planes_are_known_from_the_spacing() -> None:
    image, truth = nuclei(Scene(shape=(48, 96, 96), diameter=22, count=35, clustered=0.6), seed=305)
    thick = segment(image[::3], Settings(), spacing=(3.0, 1.0, 1.0))
    assert agreement(truth[::3], thick).f1 >= 0.85
