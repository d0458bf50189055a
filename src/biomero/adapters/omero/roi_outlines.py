"""Outlines of objects along the edges of their pixels."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]
Integers = NDArray[np.int64]


def outlines(y: Integers, start: Integers, stop: Integers) -> list[list[Point]]:
    """Return one closed polygon, of corners (x, y), for each part of an object, top to bottom.

    A polygon encloses the centres of exactly the part's pixels: pixel (x, y) is the square from (x, y) to
    (x + 1, y + 1). Pixels that touch by a corner only are of different parts. OMERO's polygons have no
    holes: ours go to a hole on a line, around it, and back on the same line, so that what is filled, and
    the area, are those of the object.

    Parameters
    ----------
    y, start, stop
        Runs of pixels, sorted by y and start; no two of them touch in a row.
    """
    rings = _Rings(*_corners(y, start, stop))
    if rings.holes:
        rings.join_holes(dict(zip(zip(y.tolist(), stop.tolist(), strict=True), start.tolist(), strict=True)))
    return [rings.points(first) for first in rings.outer]


def _corners(y: Integers, start: Integers, stop: Integers) -> tuple[Integers, Integers, NDArray[np.bool_]]:
    """Return x and line of all corners, and whether the horizontal edge that each ends is a top edge.

    They are sorted by line and x: corners 0 and 1 are the ends of an edge, 2 and 3 of the next one.
    """
    # What is above a line, and what is below it, begins and ends with runs; where only one is set is an edge.
    x = np.concatenate([start, stop, start, stop])
    line = np.concatenate([y, y, y + 1, y + 1])
    is_stop = np.repeat([False, True, False, True], len(y))
    is_below = np.repeat([True, True, False, False], len(y))
    order = np.lexsort((is_stop, x, line))
    x, line, is_stop, is_below = x[order], line[order], is_stop[order], is_below[order]
    below_is_set = (np.cumsum(is_below) % 2).astype(bool)
    straight = (x[1:] == x[:-1]) & (line[1:] == line[:-1]) & (is_stop[1:] == is_stop[:-1])
    is_corner = np.ones(len(x), dtype=bool)
    is_corner[1:][straight] = False
    is_corner[:-1][straight] = False
    is_top = np.repeat(below_is_set[is_corner][0::2], 2)
    return x[is_corner], line[is_corner], is_top


class _Rings:
    """Closed ways along edges, with the object on the right; each corner knows the next one."""

    def __init__(self, x: Integers, line: Integers, is_top: NDArray[np.bool_]) -> None:
        # Where two pixels touch by a corner, the one above is left before the one below is entered.
        upright = np.lexsort((is_top, line, x))
        above, below = upright[0::2], upright[1::2]
        other_end = np.empty(len(x), dtype=np.int64)
        other_end[above], other_end[below] = below, above
        # A top edge is walked to the right and a bottom edge to the left, then on along the upright one.
        corner = np.arange(len(x))
        is_left = corner % 2 == 0
        walks_edge = is_left == is_top
        self._next: list[int] = np.where(walks_edge, corner ^ 1, other_end).tolist()
        self._x: list[int] = x.tolist()
        self._y: list[int] = line.tolist()
        self._upright = (above, below)
        self.outer: list[int] = []
        self.holes: list[int] = []
        seen = bytearray(len(x))
        tops = is_top.tolist()
        for first in range(0, len(x), 2):
            if not seen[first]:
                (self.outer if tops[first] else self.holes).append(first)
                self._mark(first, seen)

    def _mark(self, first: int, seen: bytearray) -> None:
        at = first
        while not seen[at]:
            seen[at] = True
            at = self._next[at]

    def join_holes(self, left_end: dict[tuple[int, int], int]) -> None:
        """Cut from each hole's first corner to the left, to where the run of the object begins there.

        Parameters
        ----------
        left_end
            Where runs begin, by their row and the column behind their last pixel.
        """
        columns: dict[int, list[tuple[int, int]]] = defaultdict(list)  # first line and lower end of edges
        for above, below in zip(*(ends.tolist() for ends in self._upright), strict=True):
            columns[self._x[above]].append((self._y[above], below))
        cuts: dict[int, list[int]] = defaultdict(list)
        for hole in self.holes:
            line = self._y[hole]
            column = columns[left_end[line, self._x[hole]]]
            _, below = column[bisect(column, (line, len(self._x))) - 1]
            cuts[below].append(hole)
        for below, holes in cuts.items():
            # the object is on the right of such an edge, which is therefore walked upwards
            at = below
            for hole in reversed(holes):
                at = self._cut(at, hole, x=self._x[below])

    def _cut(self, after: int, hole: int, *, x: int) -> int:
        leave, again, arrive = (self._new(x, hole), self._new(self._x[hole], hole), self._new(x, hole))
        last = hole ^ 1  # a hole's first edge is walked to the left, to its first corner
        self._next[last] = again
        self._next[again] = arrive
        self._next[arrive] = self._next[after]
        self._next[after] = leave
        self._next[leave] = hole
        return arrive

    def _new(self, x: int, hole: int) -> int:
        self._x.append(x)
        self._y.append(self._y[hole])
        self._next.append(-1)
        return len(self._x) - 1

    def points(self, first: int) -> list[Point]:
        """Return the corners of a ring and of the holes that were cut into it."""
        points = [(self._x[first], self._y[first])]
        at = self._next[first]
        while at != first:
            points.append((self._x[at], self._y[at]))
            at = self._next[at]
        return points
