"""Fluorescence images of nuclei with a known truth: clusters, uneven light, noise, mitotic ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an image shows.

    Parameters
    ----------
    shape
        (y, x) or (z, y, x).
    diameter
        Typical diameter in pixels.
    clustered
        The fraction of nuclei that are put beside another one.
    mitotic
        The fraction that is small and several times brighter.
    overlap
        How far nuclei may lie over one another, as a fraction of the covered one.
    brightness_spread
        Standard deviation of the logarithm of the brightness.
    texture
        Standard deviation of the pattern inside of nuclei, as a fraction of their brightness.
    blur
        Standard deviation of the optics' blur, as a fraction of the diameter.
    axial_blur
        How many times wider the blur along z is.
    background_slope
        Unevenness of the background, as a fraction of the typical brightness.
    noise
        Standard deviation of the camera's noise, as a fraction of the typical brightness.
    """

    shape: tuple[int, ...] = (512, 512)
    count: int = 100
    diameter: float = 24.0
    size_spread: float = 0.15
    elongation: float = 1.8
    clustered: float = 0.4
    mitotic: float = 0.05
    overlap: float = 0.1
    brightness_spread: float = 0.3
    texture: float = 0.1
    blur: float = 0.06
    axial_blur: float = 1.0
    background_slope: float = 0.2
    noise: float = 0.05
    brightness: float = 200.0
    offset: float = 100.0


def nuclei(scene: Scene, *, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Make an image and its truth, both of the scene's shape.

    Returns
    -------
    image, truth
        Pixel values, and labels counted from 1.
    """
    rng = np.random.default_rng(seed)
    truth = np.zeros(scene.shape, np.uint16)
    light = np.zeros(scene.shape, np.float32)
    whole = np.zeros(scene.count + 1, np.int64)
    centres: list[NDArray[np.float64]] = []
    for _ in range(20 * scene.count):
        if len(centres) == scene.count:
            break
        centre = _place(scene, centres, rng)
        box, inside = _blob(scene, centre, rng, small=(bright := rng.random() < scene.mitotic))
        if not inside.any():
            continue
        covered, sizes = np.unique(truth[box][inside], return_counts=True)
        if (sizes > scene.overlap * whole[covered])[covered > 0].any():
            continue
        whole[covered] -= sizes
        centres.append(centre)
        level = scene.brightness * np.exp(rng.normal(0, scene.brightness_spread)) * (4 if bright else 1)
        truth[box][inside] = len(centres)
        whole[len(centres)] = inside.sum()
        light[box] += inside * level
    light *= 1 + scene.texture * _pattern(scene, rng)
    blur = scene.blur * scene.diameter
    light = ndimage.gaussian_filter(
        light, [blur * (scene.axial_blur if n == 3 else 1) for n in range(light.ndim, 0, -1)]
    )
    image = scene.offset + light + scene.background_slope * scene.brightness * _slope(scene, rng)
    image += rng.normal(0, 1, scene.shape) * np.sqrt((scene.noise * scene.brightness) ** 2 + 0.5 * light)
    return np.clip(image, 0, 65535).astype(np.uint16), truth


def _place(scene: Scene, centres: list[NDArray[np.float64]], rng: np.random.Generator) -> NDArray[np.float64]:
    anywhere = rng.uniform(0, scene.shape)
    if not centres or rng.random() > scene.clustered:
        return anywhere
    direction = rng.normal(size=len(scene.shape))
    step = scene.diameter * rng.uniform(0.8, 1.2) * direction / np.linalg.norm(direction)
    return np.clip(centres[rng.integers(len(centres))] + step, 0, np.array(scene.shape) - 1.0)


def _blob(
    scene: Scene, centre: NDArray[np.float64], rng: np.random.Generator, *, small: bool
) -> tuple[tuple[slice, ...], NDArray[Any]]:
    """Return a box, and which of its pixels a slightly irregular ellipsoid covers."""
    dimensions = len(scene.shape)
    radius = scene.diameter / 2 * np.exp(rng.normal(0, scene.size_spread)) * (0.6 if small else 1)
    stretch = np.exp(rng.uniform(-0.5, 0.5, dimensions) * np.log(scene.elongation))
    axes = radius * stretch / np.exp(np.log(stretch).mean())
    rotation = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0]
    reach = int(np.ceil(axes.max() * 1.3)) + 1
    first = np.maximum(np.floor(centre).astype(int) - reach, 0)
    last = np.minimum(np.floor(centre).astype(int) + reach + 1, scene.shape)
    box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    grid = np.stack(
        np.meshgrid(*(np.arange(a, b) for a, b in zip(first, last, strict=True)), indexing="ij"), -1
    )
    local = (grid - centre) @ rotation / axes
    distance = np.sqrt((local**2).sum(-1))
    unit = local / np.maximum(distance[..., None], 1e-9)
    waves = rng.normal(0, 0.05, (2, dimensions))
    edge = 1 + (waves[0] * (unit**2 - 1 / dimensions)).sum(-1) + (waves[1] * unit**3).sum(-1)
    return box, distance < edge


def _pattern(scene: Scene, rng: np.random.Generator) -> NDArray[Any]:
    coarse = ndimage.gaussian_filter(rng.normal(size=scene.shape), scene.diameter / 8)
    fine = ndimage.gaussian_filter(rng.normal(size=scene.shape), scene.diameter / 20)
    return np.asarray(0.7 * coarse / coarse.std() + 0.7 * fine / fine.std())


def _slope(scene: Scene, rng: np.random.Generator) -> NDArray[Any]:
    grids = np.meshgrid(*(np.linspace(-1, 1, n) for n in scene.shape), indexing="ij", sparse=True)
    plane: NDArray[Any] = sum(
        (g * w for g, w in zip(grids, rng.normal(size=len(grids)), strict=True)), np.zeros(1)
    )
    hill = np.exp(-sum(((g - rng.uniform(-1, 1)) ** 2 for g in grids), np.zeros(1)))
    both = plane + hill
    return np.asarray((both - both.min()) / max(float(np.ptp(both)), 1e-9))
