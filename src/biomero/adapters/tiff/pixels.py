"""Pieces of TIFF pages, read with no more memory than the strips or tiles that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.tiff.filebytes import FileBytes
from biomero.adapters.tiff.layout import FilePlace
from biomero.adapters.tiff.page_format import PageFormat
from biomero.adapters.tiff.seam import tiff_errors
from biomero.errors import ImageReadError

_AT_ONCE = 8 << 20  # bytes of uncompressed rows read in one go
_KEPT = 64 << 20  # bytes of decoded strips or tiles kept for the next piece
_NARROW = 4  # a piece narrower than the page by this factor is read row by row

_Segment = tuple[NDArray[Any] | None, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBytes:
    """Where the pixels of a page lie: in which file, and each strip or tile from where and how long."""

    path: Path
    number: int
    offsets: tuple[int, ...]
    byte_counts: tuple[int, ...]
    jpeg_tables: bytes | None = None


class PagePixels:
    """Reads pieces of the pages of one series."""

    def __init__(self, pages: PageFormat, files: FileBytes) -> None:
        self._format = pages
        self._files = files
        self._kept: dict[tuple[int, int], _Segment] = {}

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`: a tile, or as many whole strips as make a few megabytes."""
        length, width = self._format.shape[2:4]
        _, height, across = self._format.segment
        if self._format.is_tiled:
            return min(height, length), min(across, width)
        rows_in_strip = 1 if self._format.is_raw else height
        strips = max(1, (_AT_ONCE // 2) // (rows_in_strip * self._format.row_bytes))
        return min(strips * rows_in_strip, length), width

    def read(self, page: PageBytes, place: FilePlace, *, y: slice, x: slice) -> NDArray[np.generic]:
        """Return a piece (y, x) of one sample of a page, in native byte order."""
        piece: NDArray[Any] = np.empty((y.stop - y.start, x.stop - x.start), self._format.dtype)
        if not piece.size:
            return piece
        if self._format.is_raw:
            self._read_rows(piece, page, place, y=y, x=x)
            return piece
        pasted = 0
        for index in self._format.segments_at(sample=place.sample, depth=place.depth, y=y, x=x):
            pasted += self._paste(piece, self._segment(page, index), place, y=y, x=x)
        if pasted != piece.size:  # a segment decoded to fewer rows or columns than it should hold
            raise ImageReadError(
                f"{page.path}: page {page.number + 1} is damaged: "
                f"{piece.size - pasted} of the pixels in rows {y.start} to {y.stop - 1} are not there"
            )
        return piece

    def _read_rows(
        self, piece: NDArray[Any], page: PageBytes, place: FilePlace, *, y: slice, x: slice
    ) -> None:
        stored, row_bytes = self._format.stored_dtype, self._format.row_bytes
        width, samples = self._format.shape[3:]
        is_narrow = (x.stop - x.start) * _NARROW <= width
        rows_at_once = 1 if is_narrow else max(1, _AT_ONCE // row_bytes)
        columns = x if is_narrow else slice(0, width)
        wanted = slice(x.start - columns.start, x.stop - columns.start)
        for first, last, start in self._runs(page, place, y=y):
            for row in range(first, last, rows_at_once):
                rows = min(rows_at_once, last - row)
                raw = self._files.read(
                    page.path,
                    start + (row - first) * row_bytes + columns.start * samples * stored.itemsize,
                    rows * (columns.stop - columns.start) * samples * stored.itemsize,
                )
                pixels = np.frombuffer(raw, stored).reshape(rows, -1, samples)
                piece[row - y.start : row - y.start + rows] = pixels[:, wanted, place.contig]

    def _runs(self, page: PageBytes, place: FilePlace, *, y: slice) -> Iterator[tuple[int, int, int]]:
        """Rows that lie together: (first row, row after the last, byte of the first)."""
        height = self._format.segment[1]
        segments = self._format.segments_at(sample=place.sample, depth=place.depth, y=y, x=slice(0, 1))
        for strip, index in enumerate(segments, start=y.start // height):
            first = max(y.start, strip * height)
            yield (
                first,
                min(y.stop, (strip + 1) * height),
                page.offsets[index] + (first - strip * height) * self._format.row_bytes,
            )

    def _segment(self, page: PageBytes, index: int) -> _Segment:
        """Return a decoded segment, from those kept if it is there."""
        key = (page.number, index)
        found = self._kept.pop(key, None) or self._decode(page, index)
        self._kept[key] = found  # to the end: the first one is the longest unused
        while len(self._kept) > 1 and sum(a.nbytes for a, _ in self._kept.values() if a is not None) > _KEPT:
            self._kept.pop(next(iter(self._kept)))
        return found

    def _decode(self, page: PageBytes, index: int) -> _Segment:
        kind = "tile" if self._format.is_tiled else "strip"
        doing = f"{kind} {index + 1} of page {page.number + 1} is damaged"
        count = page.byte_counts[index]
        # A tile of no bytes is an area that was never scanned: TIFF's sparse files.
        encoded = bytes(self._files.read(page.path, page.offsets[index], count)) if count else None
        tables = {}
        if self._format.has_jpeg_tables:
            tables = {"jpegtables": page.jpeg_tables, "jpegheader": self._format.jpeg_header}
        with tiff_errors(page.path, doing):
            decoded, corner, shape = self._format.decode(encoded, index, **tables)
            if decoded is not None and decoded.ndim != len(shape):
                raise ImageReadError(f"{page.path}: {doing}: its shape is {decoded.shape} instead of {shape}")
        return decoded, corner

    def _paste(self, piece: NDArray[Any], segment: _Segment, place: FilePlace, *, y: slice, x: slice) -> int:
        """Copy that part of a segment which lies in the piece; return how many pixels that is."""
        decoded, (_, layer, top, left, _) = segment
        height, width = self._format.segment[1:] if decoded is None else decoded.shape[1:3]
        rows = slice(max(y.start, top), min(y.stop, top + height))
        columns = slice(max(x.start, left), min(x.stop, left + width))
        if rows.stop <= rows.start or columns.stop <= columns.start:
            return 0
        target = piece[
            rows.start - y.start : rows.stop - y.start, columns.start - x.start : columns.stop - x.start
        ]
        if decoded is None:
            target[...] = self._format.nodata
        else:
            target[...] = decoded[
                place.depth - layer,
                rows.start - top : rows.stop - top,
                columns.start - left : columns.stop - left,
                place.contig,
            ]
        return target.size
