from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from label_measurements.images import Image
from label_measurements.intensity import measure_intensities
from label_measurements.lengths import pixel_lengths_um, size_um
from label_measurements.regions import regions_of
from label_measurements.shape import measure_shapes
from skimage import measure

from services.synthetic_nuclei import Scene, nuclei


def columns(labels: np.ndarray[Any, Any], **spacing: Any) -> dict[str, np.ndarray[Any, Any]]:
    spacing = spacing or {"spacing": (1.0,) * labels.ndim}
    return measure_shapes(labels, regions_of(labels), **spacing)


@pytest.mark.parametrize("shape", [(150, 170), (20, 60, 64)])
def test_size_place_and_brightness_are_those_of_scikit_image(shape: tuple[int, ...]) -> None:
    image, labels = nuclei(Scene(shape=shape, count=15, diameter=18), seed=401)
    regions = regions_of(labels)
    found = measure_shapes(labels, regions, spacing=(1.0,) * labels.ndim)
    found |= measure_intensities(np.stack([image, image // 2]), regions)
    regionprops: Any = measure.regionprops  # it says nothing of its types
    expected = regionprops(labels, intensity_image=image)
    names = "zyx"[-labels.ndim :]
    assert regions.names.tolist() == [region.label for region in expected]
    for position, region in enumerate(expected):
        assert found["area_pixels"][position] == region.area
        assert [found[f"centroid_{n}"][position] for n in names] == pytest.approx(region.centroid)
        box = [found[f"bbox_{end}_{n}"][position] for end in ("min", "max") for n in names]
        assert box == list(region.bbox)
        assert found["c0_mean"][position] == pytest.approx(region.intensity_mean)
        assert found["c0_min"][position] == region.intensity_min
        assert found["c0_max"][position] == region.intensity_max
        assert found["c0_integrated"][position] == pytest.approx(region.area * region.intensity_mean)
        assert found["c1_max"][position] == region.intensity_max // 2


def test_ellipses_have_their_eccentricity_and_perimeter() -> None:
    y, x = np.mgrid[:200, :200]
    circle = ((y - 50) / 30) ** 2 + ((x - 50) / 30) ** 2 <= 1
    ellipse = ((y - 140) / 20) ** 2 + ((x - 120) / 50) ** 2 <= 1
    found = columns(np.where(circle, 4, np.where(ellipse, 9, 0)))
    assert found["eccentricity"] == pytest.approx([0, math.sqrt(1 - 0.4**2)], abs=0.03)
    around_ellipse = math.pi * (3 * 70 - math.sqrt((3 * 20 + 50) * (20 + 3 * 50)))
    assert found["perimeter_pixels"] == pytest.approx([2 * math.pi * 30, around_ellipse], rel=0.02)
    assert found["solidity"] == pytest.approx([1, 1], abs=0.05)


def test_a_ring_and_a_corner_are_not_solid_and_a_square_is() -> None:
    labels = np.zeros((60, 60), np.int32)
    labels[2:12, 2:12] = 1
    labels[20:40, 20:24] = labels[36:40, 20:40] = 2
    assert columns(labels)["solidity"] == pytest.approx([1, 144 / (400 - 16 * 16 / 2)])


def test_labels_that_touch_have_perimeters_of_their_own() -> None:
    apart, together = np.zeros((40, 40), np.int32), np.zeros((40, 40), np.int32)
    apart[5:15, 5:15], apart[5:15, 20:30] = 1, 2
    together[5:15, 5:15], together[5:15, 15:25] = 1, 2
    np.testing.assert_allclose(columns(apart)["perimeter_pixels"], columns(together)["perimeter_pixels"])


def test_a_single_pixel_can_be_measured() -> None:
    labels = np.zeros((3, 3), np.int32)
    labels[1, 1] = 5
    found = columns(labels)
    assert {name: float(found[name][0]) for name in ("area_pixels", "eccentricity", "solidity")} == {
        "area_pixels": 1.0,
        "eccentricity": 0.0,
        "solidity": 1.0,
    }


def test_thick_planes_count_in_the_shape() -> None:
    z, y, x = np.mgrid[-4:5, -14:15, -14:15]
    labels = ((3 * z) ** 2 + y**2 + x**2 <= 12**2).astype(np.int32)
    flat, true = (columns(labels, spacing=(s, 1.0, 1.0))["eccentricity"][0] for s in (1.0, 3.0))
    assert flat > 0.9
    assert true < 0.25


@pytest.mark.parametrize(
    ("x", "y", "area"),
    [((0.5, "µm"), (500.0, "nm"), 0.25), ((0.5, "µm"), None, None), ((1.0, "pixel"), (1.0, "pixel"), None)],
)
def test_areas_are_in_micrometres_where_the_pixel_size_is_known(
    x: tuple[float, str], y: tuple[float, str] | None, area: float | None
) -> None:
    sizes: dict[str, float | str] = {"PhysicalSizeX": x[0], "PhysicalSizeXUnit": x[1]}
    if y is not None:
        sizes |= {"PhysicalSizeY": y[0], "PhysicalSizeYUnit": y[1]}
    image = Image(pixels=np.zeros((1, 1, 1, 2, 2)), axes="YX", sizes=sizes)
    assert size_um(pixel_lengths_um(image)[1:]) == (None if area is None else pytest.approx(area))


@pytest.mark.slow
def test_ten_thousand_labels_on_a_large_image_take_seconds() -> None:
    y, x = np.mgrid[:4096, :4096].astype(np.int32)
    inside = (y % 41 - 20) ** 2 + (x % 41 - 20) ** 2 <= 12**2
    labels = np.where(inside, (y // 41) * 100 + x // 41 + 1, 0)
    start = time.process_time()
    regions = regions_of(labels)
    measure_shapes(labels, regions, spacing=(1.0, 1.0))
    measure_intensities(labels[None], regions)
    assert len(regions.names) >= 9900
    assert time.process_time() - start < 30
