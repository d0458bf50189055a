"""The tree in which fragments that touch are joined, the shallowest saddle first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nuclei_segmentation.grids import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where two fragments touch.

    Parameters
    ----------
    saddle
        The highest point of the landscape on the way from one to the other.
    brightness
        The mean on the border.
    """

    saddle: float
    brightness: float


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A fragment, or two nodes joined.

    Parameters
    ----------
    pixels
        Indices into the flattened image.
    peak
        The highest point of the landscape.
    dip
        By how much the border of the two parts is dimmer than the dimmer of them.
    step
        By how much their brightness differs.
    borders
        With the nodes that it touches; only while the tree grows.
    """

    pixels: NDArray[np.intp]
    brightness: float
    peak: float
    parts: tuple[Node, Node] | None = None
    dip: float = 0.0
    step: float = 0.0
    borders: dict[int, Border] = field(default_factory=dict)


def build_trees(labels: NDArray[np.int32], *, landscape: Pixels, brightness: Pixels) -> list[Node]:
    """Return the roots: one for each set of fragments that hang together."""
    if not labels.any():
        return []
    nodes = _leaves(labels, landscape, brightness)
    queue: list[tuple[float, int, int]] = []
    for first, second, border in _borders(labels, landscape, brightness):
        _connect(nodes, first, second, border, queue)
    following = max(nodes, default=0) + 1
    while queue:
        _, first, second = heapq.heappop(queue)
        if first in nodes and second in nodes:
            _join(nodes, first, second, following, queue)
            following += 1
    return list(nodes.values())


def _leaves(labels: NDArray[np.int32], landscape: Pixels, brightness: Pixels) -> dict[int, Node]:
    flat = labels.ravel()
    inside = np.flatnonzero(flat)
    inside = inside[np.argsort(flat[inside], kind="stable")]
    names, starts = np.unique(flat[inside], return_index=True)
    heights, values = landscape.ravel(), brightness.ravel()
    return {
        int(name): Node(
            pixels=pixels, brightness=float(values[pixels].mean()), peak=float(heights[pixels].max())
        )
        for name, pixels in zip(names, np.split(inside, starts[1:]), strict=True)
    }


def _borders(
    labels: NDArray[np.int32], landscape: Pixels, brightness: Pixels
) -> list[tuple[int, int, Border]]:
    """Return what touches along any axis, in the order of labels."""
    pairs, heights, values = [], [], []
    for axis in range(labels.ndim):
        left: Any = tuple(slice(None, -1) if a == axis else slice(None) for a in range(labels.ndim))
        right: Any = tuple(slice(1, None) if a == axis else slice(None) for a in range(labels.ndim))
        first, second = labels[left], labels[right]
        touch = (first != second) & (first > 0) & (second > 0)
        pairs.append(np.sort(np.stack([first[touch], second[touch]], axis=1), axis=1))
        heights.append(np.minimum(landscape[left][touch], landscape[right][touch]))
        values.append((brightness[left][touch] + brightness[right][touch]) / 2)
    found, index = np.unique(np.concatenate(pairs), axis=0, return_inverse=True)
    index = index.ravel()
    saddles = np.full(len(found), -np.inf)
    np.maximum.at(saddles, index, np.concatenate(heights))
    means = np.bincount(index, np.concatenate(values), len(found)) / np.bincount(index, minlength=len(found))
    return [
        (int(first), int(second), Border(saddle=float(saddle), brightness=float(mean)))
        for (first, second), saddle, mean in zip(found, saddles, means, strict=True)
    ]


def _connect(
    nodes: dict[int, Node], first: int, second: int, border: Border, queue: list[tuple[float, int, int]]
) -> None:
    nodes[first].borders[second] = border
    nodes[second].borders[first] = border
    depth = min(nodes[first].peak, nodes[second].peak) - border.saddle
    heapq.heappush(queue, (depth, first, second))


def _join(
    nodes: dict[int, Node], first: int, second: int, name: int, queue: list[tuple[float, int, int]]
) -> None:
    parts = (nodes.pop(first), nodes.pop(second))
    border = parts[0].borders[second]
    levels = [part.brightness for part in parts]
    sizes = [part.pixels.size for part in parts]
    nodes[name] = Node(
        pixels=np.concatenate([part.pixels for part in parts]),
        brightness=float(np.average(levels, weights=sizes)),
        peak=max(part.peak for part in parts),
        parts=parts,
        dip=max(0.0, min(levels) - border.brightness),
        step=abs(levels[0] - levels[1]),
    )
    # Sorted, so that equal depths are joined in the same order in every run.
    for other in sorted((parts[0].borders.keys() | parts[1].borders.keys()) - {first, second}):
        common = [part.borders[other] for part in parts if other in part.borders]
        joined = Border(
            saddle=max(one.saddle for one in common),
            brightness=sum(one.brightness for one in common) / len(common),
        )
        for gone in (first, second):
            nodes[other].borders.pop(gone, None)
        _connect(nodes, name, other, joined, queue)
    for part in parts:
        part.borders.clear()
