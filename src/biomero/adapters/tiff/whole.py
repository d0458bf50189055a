"""The check that every page of a series is there, to its last byte."""

from __future__ import annotations

from math import prod
from operator import index
from pathlib import Path

from tifffile import TiffPageSeries

from biomero.adapters.tiff.directories import count_pages
from biomero.adapters.tiff.layout import FileLayout
from biomero.adapters.tiff.page_format import PageFormat
from biomero.adapters.tiff.pixels import PageBytes
from biomero.errors import ImageReadError, UnsupportedImageError


def whole_pages(
    series: TiffPageSeries, pages: PageFormat, layout: FileLayout, path: Path
) -> tuple[PageBytes, ...]:
    """Return where the pixels of every page lie, after checking that the files reach that far.

    No pixel is read: this costs one look at each page's directory.

    Raises
    ------
    ImageReadError
        If pages or bytes are missing, or the series names a file outside of its own file's folder.
    """
    found = (
        _behind_the_first(series, pages, layout, path) if series.is_truncated else _each(series, layout, path)
    )
    sizes = {file: file.stat().st_size for file in {page.path for page in found}}
    for file in sizes.keys() - {path}:
        _check_place(file, path)
        count_pages(file)
    for page in found:
        _check_count(page, pages, which=f"page {page.number + 1} of {len(found)}")
    # only now: a damaged height would make a list of billions
    raw_lengths = pages.raw_lengths if pages.is_raw else None
    for page in found:
        which = f"page {page.number + 1} of {len(found)}"
        _check_bytes(page, pages, raw_lengths, size=sizes[page.path], which=which)
    return found


def _check_place(file: Path, path: Path) -> None:
    """Refuse a file that the metadata of another one names, but that does not lie beside or below it."""
    if not file.resolve().is_relative_to(path.resolve().parent):
        raise ImageReadError(f"{path} names {file} as a part of itself, which lies outside of its folder")


def _each(series: TiffPageSeries, layout: FileLayout, path: Path) -> tuple[PageBytes, ...]:
    if len(series) != layout.pages:
        raise ImageReadError(f"{path} should hold {layout.pages} pages, but {len(series)} are there")
    absent = [number for number, page in enumerate(series) if page is None]
    if absent:
        raise ImageReadError(
            f"{path} lacks {len(absent)} of its {len(series)} planes, plane {absent[0] + 1} to begin with"
        )
    return tuple(
        PageBytes(
            path=Path(page.parent.filehandle.path),
            number=number,
            # a damaged type makes fractions of them, and that is an error of its own
            offsets=tuple(map(index, page.dataoffsets)),
            byte_counts=tuple(map(index, page.databytecounts)),
            jpeg_tables=page.jpegtables,
        )
        for number, page in enumerate(series)
        if page is not None
    )


def _behind_the_first(
    series: TiffPageSeries, pages: PageFormat, layout: FileLayout, path: Path
) -> tuple[PageBytes, ...]:
    # ImageJ beyond 4 GB, STK and others describe one page and put the others behind it.
    keyframe = series.keyframe
    if not pages.is_raw or series.dataoffset is None:
        raise UnsupportedImageError(f"{path} keeps {layout.pages} compressed planes under a single page")
    nbytes = prod(pages.shape) * pages.stored_dtype.itemsize
    end, size = series.dataoffset + layout.pages * nbytes, path.stat().st_size
    if end > size:
        raise ImageReadError(
            f"{path} is truncated: its {layout.pages} planes end at byte {end}, the file ends at byte {size}"
        )
    return tuple(
        PageBytes(
            path=path,
            number=number,
            offsets=tuple(number * nbytes + offset for offset in keyframe.dataoffsets),
            byte_counts=tuple(keyframe.databytecounts),
        )
        for number in range(layout.pages)
    )


def _check_count(page: PageBytes, pages: PageFormat, *, which: str) -> None:
    kind = "tiles" if pages.is_tiled else "strips"
    if min(len(page.offsets), len(page.byte_counts)) < pages.segments:
        raise ImageReadError(
            f"{page.path} is damaged: {which} has {len(page.offsets)} of {pages.segments} {kind}"
        )


def _check_bytes(
    page: PageBytes, pages: PageFormat, raw_lengths: tuple[int, ...] | None, *, size: int, which: str
) -> None:
    lengths = raw_lengths or page.byte_counts
    ends = [offset + length for offset, length in zip(page.offsets, lengths, strict=False)]
    if min(page.offsets) < 0 or min(lengths) < 0:
        raise ImageReadError(f"{page.path} is damaged: {which} lies before the beginning of the file")
    if max(ends) > size:
        raise ImageReadError(
            f"{page.path} is truncated: {which} ends at byte {max(ends)}, but the file ends at byte {size}"
        )
    if not pages.is_tiled and not (all(page.offsets) and all(lengths)):
        raise ImageReadError(
            f"{page.path} is damaged: {which} has no pixels, so whatever wrote it did not finish"
        )
