"""Guessing which piece of an image is asked for next, so that it can be on its way already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from biomero.domain.imaging import ImageMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A rectangle of one plane."""

    t: int
    c: int
    z: int
    top: int
    left: int
    height: int
    width: int


class Prediction:
    """Learns from the pieces that were asked for in which order they come.

    Readers go through planes (along z, then c, then t) with one rectangle, or through the rectangles of a
    plane (along x, then y) and then those of the next. A sequence that once broke off is not expected to be
    longer the next time.
    """

    def __init__(self, metadata: ImageMetadata) -> None:
        self._metadata = metadata
        self._last: Piece | None = None
        self._first_of_row: Piece | None = None
        self._first_of_plane: Piece | None = None
        self._step: Callable[[Piece], Piece | None] | None = None
        self._steps = 0
        self._longest: int | None = None

    def after(self, piece: Piece) -> Piece | None:
        """Return what may come after a piece; ``None`` if that is anybody's guess."""
        taken = self._step_to(piece)
        if taken is not None:
            self._step, self._steps = taken, self._steps + 1
            if self._longest is not None and self._steps > self._longest:
                self._longest = None
        elif self._steps:
            self._longest, self._steps = self._steps, 0
        else:
            self._step = None
        self._last = piece
        if piece.left == 0:
            self._first_of_row = piece
            if piece.top == 0:
                self._first_of_plane = piece
        return None if self._step is None or self._steps == self._longest else self._step(piece)

    def _step_to(self, piece: Piece) -> Callable[[Piece], Piece | None] | None:
        if self._last is None:
            return None
        for step in (self._next_plane, self._next_place):
            if step(self._last) == piece:
                return step
        return None

    def _next_plane(self, piece: Piece) -> Piece | None:
        if piece.z + 1 < self._metadata.size("z"):
            return replace(piece, z=piece.z + 1)
        if piece.c + 1 < self._metadata.size("c"):
            return replace(piece, z=0, c=piece.c + 1)
        if piece.t + 1 < self._metadata.size("t"):
            return replace(piece, z=0, c=0, t=piece.t + 1)
        return None

    def _next_place(self, piece: Piece) -> Piece | None:
        full_height, full_width = self._metadata.shape[-2:]
        left = piece.left + piece.width
        if left < full_width:
            return replace(piece, left=left, width=min(piece.width, full_width - left))
        first = self._first_of_row or piece
        top = piece.top + piece.height
        if top < full_height:
            height = min(piece.height, full_height - top)
            return replace(piece, top=top, left=first.left, height=height, width=first.width)
        first = self._first_of_plane or piece
        corner = replace(piece, top=first.top, left=first.left, height=first.height, width=first.width)
        return self._next_plane(corner)
