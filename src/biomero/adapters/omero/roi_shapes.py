"""Objects of a label image as what OMERO's shapes hold: points of polygons, bits of masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from biomero.adapters.omero.roi_outlines import outlines
from biomero.adapters.omero.roi_runs import Runs

_LARGEST_MASK = 1 << 26
"""Pixels; what is larger becomes several masks, one below the other, so that none fills a message."""


@dataclass(frozen=True, slots=True)
class PolygonShape:
    """A polygon in a plane; its points as OMERO spells them."""

    z: int
    points: str


@dataclass(frozen=True, slots=True)
class MaskShape:
    """A rectangle of a plane with one bit for each pixel, row after row, the highest bit of a byte first."""

    z: int
    x: int
    y: int
    width: int
    height: int
    bits: bytes


def polygons(runs: Runs, places: Sequence[slice]) -> Iterator[list[PolygonShape]]:
    """Return the outlines of objects, one list for each of them; see `outlines`.

    Parameters
    ----------
    places
        Where the runs of each object are.
    """
    if not places:
        return iter(())
    # All objects are stacked on each other, each plane of each, and outlined at once.
    chosen = runs.of(np.concatenate([np.arange(place.start, place.stop) for place in places]))
    lengths = [place.stop - place.start for place in places]
    owner = np.repeat(np.arange(len(places)), lengths)
    floor = np.append(0, np.cumsum((np.diff(owner) != 0) | (np.diff(chosen.z) != 0)))
    storey = int(chosen.y.max()) + 2
    found: dict[int, list[PolygonShape]] = defaultdict(list)
    owner_of = dict(zip(floor.tolist(), owner.tolist(), strict=True))
    z_of = dict(zip(floor.tolist(), chosen.z.tolist(), strict=True))
    for points in outlines(chosen.y + floor * storey, chosen.start, chosen.stop):
        at = points[0][1] // storey
        spelt = " ".join(f"{x},{y - at * storey}" for x, y in points)
        found[owner_of[at]].append(PolygonShape(z_of[at], spelt))
    return (found[number] for number in range(len(places)))


def masks(runs: Runs, places: Sequence[slice]) -> Iterator[list[MaskShape]]:
    """Return the pixels of objects, one list for each of them: a mask in each plane.

    Parameters
    ----------
    places
        Where the runs of each object are.
    """
    for place in places:
        yield [mask for plane in runs.of(place).planes() for mask in _masks_of_plane(plane)]


def _masks_of_plane(runs: Runs) -> Iterator[MaskShape]:
    left, right = int(runs.start.min()), int(runs.stop.max())
    rows = max(1, _LARGEST_MASK // (right - left))
    bands = (runs.y - runs.y[0]) // rows
    for band in np.unique(bands):
        ends = np.searchsorted(bands, [band, band + 1])
        yield _mask(runs.of(slice(*ends)), left=left, width=right - left)


def _mask(runs: Runs, *, left: int, width: int) -> MaskShape:
    top, height = int(runs.y[0]), int(runs.y[-1] - runs.y[0] + 1)
    row = (runs.y - top) * width - left
    toggles = np.zeros(height * width + 1, dtype=np.int8)
    toggles[row + runs.start] += 1
    toggles[row + runs.stop] -= 1
    pixels = np.cumsum(toggles[:-1], dtype=np.int8)
    return MaskShape(int(runs.z[0]), left, top, width, height, np.packbits(pixels.view(bool)).tobytes())
