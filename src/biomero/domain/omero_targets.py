"""Where in OMERO results go, and which object of a label image a ROI was made of."""

from __future__ import annotations

import re
from dataclasses import dataclass

from biomero.domain.omero import OmeroRef

_OBJECT = re.compile(r"object (?P<number>\d+)(, t (?P<t>\d+))?(, c (?P<c>\d+))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateSpot:
    """A well of a plate, by its place; the well need not be there yet.

    Parameters
    ----------
    plate
        The plate's id.
    row, column
        From 0.
    """

    plate: int
    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroContainer:
    """A project, dataset or screen, as somebody sees it who wants to put something into it."""

    ref: OmeroRef
    name: str
    can_link: bool


@dataclass(frozen=True, slots=True, order=True)
class LabelledObject:
    """An object of a label image.

    Parameters
    ----------
    number
        The value of its pixels.
    t, c
        Its time point and channel, from 0; ``None`` where the label image has but one.
    """

    number: int
    t: int | None = None
    c: int | None = None

    def __str__(self) -> str:
        """Return what a ROI of it says in its description, so that it can be told from the others.

        >>> str(LabelledObject(7, t=1))
        'object 7, t 1'
        """
        places = (("t", self.t), ("c", self.c))
        return f"object {self.number}" + "".join(f", {axis} {at}" for axis, at in places if at is not None)

    @classmethod
    def parse(cls, text: str) -> LabelledObject | None:
        """Read what ``str`` wrote; ``None`` if it is something else.

        >>> LabelledObject.parse("object 7, c 2")
        LabelledObject(number=7, t=None, c=2)
        """
        match = _OBJECT.fullmatch(text)
        if match is None:
            return None
        t, c = (None if match[axis] is None else int(match[axis]) for axis in "tc")
        return cls(int(match["number"]), t, c)
