"""Joins fragments that look more like one nucleus than like several."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nuclei_segmentation.fragments import Fragments
from nuclei_segmentation.grids import Pixels
from nuclei_segmentation.merge_tree import Node, build_trees
from nuclei_segmentation.shapes import ellipse_overlap

_BIAS = 0.02
"""How much better two must look than one."""
_DIP_WEIGHT = 0.25
_STEP_WEIGHT = 0.15
_SIZE_WEIGHT = 0.2
_FREE_SIZE_RANGE = 0.5
"""Sizes within a factor of e^0.5 of the typical one cost nothing."""


def join_fragments(fragments: Fragments, *, compressed: Pixels, typical_size: float) -> NDArray[np.int32]:
    """Choose which fragments are nuclei together.

    Fragments are joined two by two, those with the shallowest saddle between them first, until none touch.
    Of each tree of mergers that cut is taken whose nodes look best in the mean.

    Parameters
    ----------
    compressed
        Brightness on the compressed scale: a dip on the border of two fragments, or a step across it,
        speaks for two.
    typical_size
        Of a nucleus, in pixels.
    """
    shape = fragments.labels.shape
    result = np.zeros(fragments.labels.size, np.int32)
    label = 0
    for root in build_trees(fragments.labels, landscape=fragments.landscape, brightness=compressed):
        for node in _best_cut(root, shape, typical_size):
            label += 1
            result[node.pixels] = label
    return result.reshape(shape)


def _best_cut(root: Node, shape: tuple[int, ...], typical_size: float) -> list[Node]:
    """Choose the nodes below a root that together cover it and score best, weighted by size."""
    best: dict[int, tuple[float, list[Node]]] = {}
    for node in _from_the_leaves(root):
        score = _score(node, shape, typical_size)
        if node.parts is None:
            best[id(node)] = (score, [node])
            continue
        (first, first_nodes), (second, second_nodes) = (best.pop(id(part)) for part in node.parts)
        sizes = [part.pixels.size for part in node.parts]
        apart = (first * sizes[0] + second * sizes[1]) / sum(sizes)
        for_two = _DIP_WEIGHT * node.dip + _STEP_WEIGHT * node.step
        if score + _BIAS - for_two >= apart:
            best[id(node)] = (score, [node])
        else:
            best[id(node)] = (apart, first_nodes + second_nodes)
    return best[id(root)][1]


def _score(node: Node, shape: tuple[int, ...], typical_size: float) -> float:
    positions = np.stack(np.unravel_index(node.pixels, shape), axis=1)
    odd_size = max(0.0, abs(math.log(node.pixels.size / typical_size)) - _FREE_SIZE_RANGE)
    return ellipse_overlap(positions) - _SIZE_WEIGHT * odd_size


def _from_the_leaves(root: Node) -> Iterator[Node]:
    """Return all nodes of a tree, parts before what they make; without recursion, as trees may be deep."""
    order, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting.extend(node.parts or ())
    return reversed(order)
