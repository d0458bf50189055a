"""An image whose pixels come over Ice."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.pixels_metadata import PixelsDescription
from biomero.adapters.omero.prediction import Piece, Prediction
from biomero.adapters.omero.tiles import PieceOnItsWay, PixelsPlace, TileReader, tile_shape
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError

_AHEAD_BYTES = 32 << 20
"""Larger pieces are not read ahead: they travel at full speed anyway, and memory has to be had for both."""


class OmeroPixels:
    """An open image of OMERO; see `OpenImage`.

    The piece that is likely to come next is on its way while the caller works on the one before.
    """

    def __init__(
        self, session: LastingSession, described: PixelsDescription, *, streams: int, place: str
    ) -> None:
        self._metadata = described.metadata
        self._streams = streams
        self._called = f"Image:{described.image_id} ({described.metadata.name})"
        where = PixelsPlace(
            pixels_id=described.id,
            group_id=described.group_id,
            dtype=described.metadata.dtype,
            called=self._called,
        )
        self._tiles = TileReader(session, where, streams=streams, place=place)
        self._prediction = Prediction(described.metadata)
        self._ahead: tuple[Piece, PieceOnItsWay] | None = None
        self._is_open = True

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`; as much as travels at once."""
        height, width = self._metadata.shape[-2:]
        high, wide = tile_shape(height, width, np.dtype(self._metadata.dtype).itemsize)
        return min(height, high * self._streams), wide

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        for axis, index in (("t", t), ("c", c), ("z", z)):
            if not 0 <= index < self._metadata.size(axis):
                raise IndexError(
                    f"{axis}={index} lies beyond the image, which has {self._metadata.size(axis)}"
                )
        if not self._is_open:
            raise ImageReadError(f"{self._called} is closed")
        full_height, full_width = self._metadata.shape[-2:]
        top, bottom, _ = y.indices(full_height)
        left, right, _ = x.indices(full_width)
        height, width = max(0, bottom - top), max(0, right - left)
        if not height or not width:
            return np.empty((height, width), self._metadata.dtype)
        piece = Piece(t=t, c=c, z=z, top=top, left=left, height=height, width=width)
        on_its_way = self._taken(piece) or self._tiles.begin(piece)
        self._look_ahead(piece)
        return on_its_way.arrived()

    def _taken(self, piece: Piece) -> PieceOnItsWay | None:
        """Return what was read ahead, if that is what is wanted now."""
        if self._ahead is None:
            return None
        (guessed, on_its_way), self._ahead = self._ahead, None
        if guessed == piece:
            return on_its_way
        on_its_way.forget()
        return None

    def _look_ahead(self, piece: Piece) -> None:
        guess = self._prediction.after(piece)
        itemsize = np.dtype(self._metadata.dtype).itemsize
        if guess is not None and guess.height * guess.width * itemsize <= _AHEAD_BYTES:
            self._ahead = (guess, self._tiles.begin(guess))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._ahead is not None:
            self._ahead[1].forget()
            self._ahead = None
        self._is_open = False
        self._tiles.close()
