"""When one name begins another: how outputs are known as an image's, and names kept from being mistaken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

_MARK_LIKE = re.compile(r"_(?=(?:id|plate)[0-9])", re.IGNORECASE)


def beginnings(name: str) -> Iterator[str]:
    """Yield what begins a name, the longest first: itself, and each part before what is no letter or digit.

    >>> list(beginnings("cell_1.csv"))
    ['cell_1.csv', 'cell_1', 'cell']
    """
    if name:
        yield name
    for end in range(len(name) - 1, 0, -1):
        if not name[end].isalnum():
            yield name[:end]


class ImagesByName:
    """Tells which image an output belongs to; ``None`` where it belongs to the run.

    It is the image whose stem is the longest one that the output's name begins with, where the name goes
    on with something other than a letter or digit, or not at all: ``cell_1_mask.tif`` is of ``cell_1``,
    never of ``cell`` or ``cell_11``. If the name tells nothing, those of the folders that hold it are asked,
    the innermost first. Two images of one stem own nothing: order and likeness never decide.

    Parameters
    ----------
    stems
        For each image its index and the stem of its staged name.
    """

    def __init__(self, stems: Mapping[int, str]) -> None:
        self._indices: dict[str, list[int]] = {}
        for index, stem in stems.items():
            self._indices.setdefault(stem, []).append(index)

    def owner_of(self, path: str) -> int | None:
        """Return the index of the image that an output belongs to, by its path with ``/``."""
        found = self._fitting(path)
        if not found:
            return None
        owners = self._indices[found[0][1]]
        return owners[0] if len(owners) == 1 else None

    def rivals_of(self, path: str, *, beside: Collection[str]) -> tuple[str, str] | None:
        """Return the names of an output's owner and of another image that it may be of; mostly ``None``.

        Such an output begins with the names of two images, of which one begins the other's, and nothing
        tells that both images have one like it: ``cell_1.csv`` may be the first of several of ``cell``,
        where there is no ``cell.csv``.

        Parameters
        ----------
        beside
            All outputs.
        """
        match self._fitting(path):
            case [(part, owner), (_, other), *_] if _instead(path, part, owner, other) not in beside:
                return owner, other
            case _:
                return None

    def _fitting(self, path: str) -> list[tuple[int, str]]:
        """Return the stems that the first telling part of a path begins with, the longest first."""
        parts = PurePosixPath(path).parts
        for number in reversed(range(len(parts))):
            if found := [(number, stem) for stem in beginnings(parts[number]) if stem in self._indices]:
                return found
        return []


def _instead(path: str, part: int, owner: str, other: str) -> str:
    """Return what an output would be called if it was another image's."""
    parts = [
        # a folder's name and the name of a file in it may both be by the image
        f"{other}{name[len(owner) :]}" if at == part or owner in beginnings(name) else name
        for at, name in enumerate(PurePosixPath(path).parts)
    ]
    return "/".join(parts)


def names_apart(names: Sequence[str], marks: Sequence[str]) -> list[str]:
    """Return names of which none is another, or begins one, whatever case they are written in.

    A name that is, or does, gets its mark. In a run where one does, what looks like a mark in any name is
    written another way: ``a_id5`` becomes ``a-id5``. All other names stay as they are.

    Parameters
    ----------
    names
        Of ASCII characters, none of them empty.
    marks
        One for each, no two the same: ``id`` or ``plate`` and a number.

    >>> names_apart(["cell", "cell_1", "cells"], ["id12", "id13", "id14"])
    ['cell_id12', 'cell_1', 'cells']
    """
    if not any(_are_mistakable(names)):
        return list(names)
    # a mark is only at the end of a name now: so what has one begins no other, nor does anything begin it
    plain = [_MARK_LIKE.sub("-", name) for name in names]
    return [
        f"{name}_{mark}" if is_mistakable else name
        for name, mark, is_mistakable in zip(plain, marks, _are_mistakable(plain), strict=True)
    ]


def _are_mistakable(names: Sequence[str]) -> list[bool]:
    lowered = [name.lower() for name in names]
    counts = Counter(beginning for name in lowered for beginning in beginnings(name))
    return [counts[name] > 1 for name in lowered]
