"""Pixels over Ice: rectangles of a plane, several at a time, each from a pixel store of its own.

A rectangle of about two megabytes is what travels fastest: smaller ones wait for answers, larger ones need
memory that is mapped anew each time, and none comes near to what a message of Ice may hold.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.prediction import Piece
from biomero.adapters.omero.seam import omero_errors
from biomero.adapters.omero.session import OmeroSession
from biomero.errors import ImageReadError, OmeroError, OmeroLoginError

AT_ONCE = 2 << 20
"""Bytes of a rectangle."""

_WIDE = 4096
"""Wider planes are read in squares, which is how they are stored."""

_EDGE = 1024


def tile_shape(height: int, width: int, itemsize: int) -> tuple[int, int]:
    """Return the shape (y, x) of what is asked for at once: rows of the full width, or squares.

    >>> tile_shape(2048, 2048, 2), tile_shape(100_000, 90_000, 2)
    ((512, 2048), (1024, 1024))
    """
    if width <= _WIDE:
        return max(1, min(height, AT_ONCE // (width * itemsize))), width
    return min(height, max(1, AT_ONCE // (_EDGE * itemsize))), _EDGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelsPlace:
    """Which pixels are read, and how they are stored.

    Parameters
    ----------
    called
        The image, for messages.
    """

    pixels_id: int
    group_id: int
    dtype: str
    called: str


class TileReader:
    """Reads pieces of an image; where a session is lost meanwhile, only what is missing is read again.

    Parameters
    ----------
    streams
        How many rectangles travel at once.
    place
        The server, for messages.
    """

    def __init__(self, session: LastingSession, pixels: PixelsPlace, *, streams: int, place: str) -> None:
        self._session = session
        self._pixels = pixels
        self._place = place
        self._wire = np.dtype(pixels.dtype).newbyteorder(">")  # OMERO sends the largest byte first
        self._threads = ThreadPoolExecutor(streams, thread_name_prefix=f"omero-pixels-{pixels.pixels_id}")
        self._own = threading.local()
        self._stores: list[Any] = []
        self._is_closed = threading.Event()

    def begin(self, piece: Piece) -> PieceOnItsWay:
        """Ask for a piece; its memory is taken now."""
        pixels = np.empty((piece.height, piece.width), self._pixels.dtype)
        tiles = [self._threads.submit(self._fill, pixels, piece, y, x) for y, x in self._cuts(piece)]
        return PieceOnItsWay(pixels, tiles)

    def close(self) -> None:
        """Leave the stores; what is on its way is not waited for longer than it takes."""
        self._is_closed.set()
        self._threads.shutdown(cancel_futures=True)
        for store in self._stores:
            with suppress(OmeroError), omero_errors(self._place):
                store.close()
        self._stores.clear()

    def _cuts(self, piece: Piece) -> Iterator[tuple[slice, slice]]:
        """Yield where rectangles lie in a piece."""
        high, wide = tile_shape(piece.height, piece.width, self._wire.itemsize)
        for top in range(0, piece.height, high):
            for left in range(0, piece.width, wide):
                yield (
                    slice(top, min(top + high, piece.height)),
                    slice(left, min(left + wide, piece.width)),
                )

    def _fill(self, pixels: NDArray[Any], piece: Piece, y: slice, x: slice) -> None:
        """Put a rectangle's pixels where they belong; in a thread of the pool."""
        high, wide = y.stop - y.start, x.stop - x.start
        corner = (piece.left + x.start, piece.top + y.start)
        try:
            sent = self._session.ask(
                lambda session: self._tile(session, piece.z, piece.c, piece.t, *corner, wide, high)
            )
        except OmeroError as exc:
            if exc.transient or isinstance(exc, OmeroLoginError):  # which says nothing of the image
                raise
            raise ImageReadError(f"the pixels of {self._pixels.called} cannot be read: {exc}") from exc
        if len(sent) != high * wide * self._wire.itemsize:
            raise ImageReadError(
                f"{self._pixels.called}: {len(sent)} bytes came for {high} rows of {wide} pixels "
                f"at (y, x) = ({corner[1]}, {corner[0]})"
            )
        pixels[y, x] = np.frombuffer(sent, self._wire).reshape(high, wide)

    def _tile(self, session: OmeroSession, *where: int) -> bytes:
        if self._is_closed.is_set():  # somebody may still be waiting for a server that does not answer
            raise ImageReadError(f"{self._pixels.called} is closed")
        with omero_errors(self._place):
            sent: bytes = self._store(session).getTile(*where, self._context)
            return sent

    @property
    def _context(self) -> dict[str, str]:
        return {"omero.group": str(self._pixels.group_id)}

    def _store(self, session: OmeroSession) -> Any:
        """Return this thread's store in a session."""
        if getattr(self._own, "session", None) is not session:
            store = session.factory.createRawPixelsStore(self._context)
            store.setPixelsId(self._pixels.pixels_id, True, self._context)  # noqa: FBT003 - by position in Ice
            if store.getByteWidth(self._context) != self._wire.itemsize:
                raise ImageReadError(f"{self._pixels.called}: its pixels are not stored as {self._wire.name}")
            if store.requiresPixelsPyramid(self._context):
                # levels are counted from the smallest
                store.setResolutionLevel(store.getResolutionLevels(self._context) - 1, self._context)
            self._own.session, self._own.store = session, store
            self._stores.append(store)
        return self._own.store


class PieceOnItsWay:
    """A piece that was asked for."""

    def __init__(self, pixels: NDArray[Any], tiles: list[Future[None]]) -> None:
        self._pixels = pixels
        self._tiles = tiles

    def arrived(self) -> NDArray[np.generic]:
        """Wait for the piece.

        Raises
        ------
        ImageReadError, OmeroUnavailableError, OmeroLoginError
            If a part of it cannot be had; nothing is on its way any more then.
        """
        try:
            for tile in self._tiles:
                tile.result()
        finally:
            self.forget()
        return self._pixels

    def forget(self) -> None:
        """Do not ask for what was not asked for yet."""
        for tile in self._tiles:
            tile.cancel()
