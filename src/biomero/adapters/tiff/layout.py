"""Where a plane of ours lies in a file whose axes are in any order."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from biomero.domain.imaging import AXES

PageShape = tuple[int, int, int, int, int]
"""Shape of one page: (separate samples, depth, length, width, contiguous samples)."""

_CARRIERS = {
    "T": "t",
    "C": "c",
    "Z": "z",
    "S": "c",  # samples of a pixel
    "E": "c",  # wavelength
    "H": "c",  # lifetime
    "L": "c",  # exposure
    "A": "t",  # angle
    "P": "t",  # phase
    "R": "t",  # position
    "M": "t",  # mosaic
    "V": "t",  # event
    "J": "t",  # column of positions
    "K": "t",  # row of positions
}
"""tifffile's letters, each with the axis of ours that carries it, as OME's "modulo" axes do."""

_UNNAMED = ("z", "t", "c")
"""What pages in a row without a name are taken for: slices first, as ImageJ does."""


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A plane's place: the page, and within it separate sample, slice and contiguous sample."""

    page: int
    sample: int
    depth: int
    contig: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAxis:
    """An axis of the file with more than one index.

    Parameters
    ----------
    carrier
        The axis of ours that carries it; axes that share a carrier follow each other as in the file.
    size
        How many indices count.
    stride
        Pages from one index to the next; 0 for an axis within the page.
    within
        For an axis within the page: which axis of the page's shape it is.
    """

    carrier: str
    size: int
    stride: int
    within: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLayout:
    """The order in which a series keeps its planes."""

    file_axes: tuple[FileAxis, ...]
    page_shape: PageShape
    pages: int

    def size(self, axis: str) -> int:
        """Return the size along an axis of ours."""
        if axis in "yx":
            return self.page_shape[2 + "yx".index(axis)]
        return prod(file_axis.size for file_axis in self.file_axes if file_axis.carrier == axis)

    @property
    def axes(self) -> str:
        """Those of our axes along which there is more than one plane, and y and x."""
        return "".join(axis for axis in AXES if axis in "yx" or self.size(axis) > 1)

    def locate(self, *, t: int, c: int, z: int) -> FilePlace:
        """Return where a plane lies."""
        left = {"t": t, "c": c, "z": z}
        for axis, index in left.items():
            if not 0 <= index < self.size(axis):
                raise IndexError(f"{axis}={index} lies beyond the image, which has {self.size(axis)}")
        page = 0
        inside = [0, 0, 0, 0, 0]
        for file_axis in reversed(self.file_axes):
            left[file_axis.carrier], index = divmod(left[file_axis.carrier], file_axis.size)
            page += index * file_axis.stride
            if file_axis.within is not None:
                inside[file_axis.within] = index
        return FilePlace(page, inside[0], inside[1], inside[4])


def lay_out(axes: str, shape: tuple[int, ...], *, page_shape: PageShape, colours: int) -> FileLayout:
    """Work out how a series keeps its planes.

    Parameters
    ----------
    axes, shape
        As tifffile gives them, unsqueezed.
    colours
        How many of a pixel's samples are meant; those after them are alpha.

    Raises
    ------
    ValueError
        If pages of that shape do not make up the series.
    """
    first = _first_axis_within_page(shape, page_shape)
    carriers = _carriers(axes, shape)
    places_within = [place for place, size in enumerate(page_shape) if size > 1]
    found = []
    for i, (letter, size) in enumerate(zip(axes, shape, strict=True)):
        if size == 1:
            continue
        within = None if i < first else places_within.pop(0)
        if letter in "YX":
            continue
        found.append(
            FileAxis(
                carrier=carriers[i],
                size=min(size, colours) if letter == "S" else size,
                stride=prod(shape[i + 1 : first]) if within is None else 0,
                within=within,
            )
        )
    return FileLayout(file_axes=tuple(found), page_shape=page_shape, pages=prod(shape[:first]))


def _first_axis_within_page(shape: tuple[int, ...], page_shape: PageShape) -> int:
    longer = [size for size in page_shape if size > 1]
    for first in range(len(shape) + 1):
        if prod(shape[first:]) == prod(page_shape) and [s for s in shape[first:] if s > 1] == longer:
            return first
    raise ValueError(f"pages of shape {page_shape} do not make up an image of shape {shape}")


def _carriers(axes: str, shape: tuple[int, ...]) -> dict[int, str]:
    longer = {i: letter for i, letter in enumerate(axes) if shape[i] > 1 and letter not in "YX"}
    taken = {_CARRIERS.get(letter) for letter in longer.values()}
    free = [axis for axis in _UNNAMED if axis not in taken]
    carriers = {}
    for i in sorted(longer, reverse=True):
        carriers[i] = _CARRIERS.get(longer[i]) or (free.pop(0) if free else "t")
    return carriers
