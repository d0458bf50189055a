"""The objects of a label image as runs of pixels: a plane is read in bands and never held whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.application.ports.image_source import OpenImage

_BAND_BYTES = 16 * 1024 * 1024

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Runs:
    """Rows of equal pixels; sorted by the object's number, then by z, y and start.

    Parameters
    ----------
    number, z, y, start, stop
        One entry for each run: its object, its place, and its first column and the one behind its last.
    """

    number: NDArray[np.generic]
    z: Integers
    y: Integers
    start: Integers
    stop: Integers

    def objects(self) -> list[tuple[int, slice]]:
        """Return the numbers of all objects, ascending, each with the place of its runs."""
        return [(int(self.number[place.start]), place) for place in _stretches(self.number)]

    def planes(self) -> list[Runs]:
        """Return the runs of one object plane by plane."""
        return [self.of(place) for place in _stretches(self.z)]

    def of(self, place: slice | Integers) -> Runs:
        """Return a part of the runs."""
        return Runs(self.number[place], self.z[place], self.y[place], self.start[place], self.stop[place])


def runs_of(labels: OpenImage, *, t: int, c: int) -> Runs:
    """Return the objects of one time point and channel; 0, and less, is background.

    Memory is taken for the runs, some ten for each row of an object, and one band of pixels.

    Raises
    ------
    ImageReadError
        If the pixels cannot be read.
    """
    pieces = [_runs_of_band(band, z=z, top=top) for z, top, band in _bands(labels, t=t, c=c)]
    joined = [np.concatenate([piece[part] for piece in pieces]) for part in range(5)]
    order = np.argsort(joined[0], kind="stable")
    number, z, y, start, stop = (part[order] for part in joined)
    return Runs(number, z, y, start, stop)


def _bands(labels: OpenImage, *, t: int, c: int) -> Iterator[tuple[int, int, NDArray[np.generic]]]:
    metadata = labels.metadata
    height, width = metadata.size("y"), metadata.size("x")
    block = labels.block_shape[0]
    wanted = max(1, _BAND_BYTES // (width * np.dtype(metadata.dtype).itemsize))
    rows = max(wanted // block * block, min(block, wanted))
    for z in range(metadata.size("z")):
        for top in range(0, height, rows):
            yield z, top, labels.read(t=t, c=c, z=z, y=slice(top, min(top + rows, height)), x=slice(0, width))


def _runs_of_band(band: NDArray[np.generic], *, z: int, top: int) -> tuple[NDArray[np.generic], ...]:
    pixels: NDArray[Any] = band.view(np.uint8) if band.dtype == bool else band
    width = pixels.shape[1]
    begins = np.ones(pixels.shape, dtype=bool)
    np.not_equal(pixels[:, 1:], pixels[:, :-1], out=begins[:, 1:])
    first = np.flatnonzero(begins)
    length = np.diff(first, append=pixels.size)
    number = pixels.ravel()[first]
    kept = number > 0
    first, length, number = first[kept], length[kept], number[kept]
    start = first % width
    return number, np.full(len(first), z), first // width + top, start, start + length


def _stretches(values: NDArray[np.generic]) -> list[slice]:
    if not len(values):
        return []
    ends = [0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)]
    return [slice(first, stop) for first, stop in itertools.pairwise(ends)]
