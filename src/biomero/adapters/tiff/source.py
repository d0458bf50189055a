"""TIFF files as images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from biomero.adapters.tiff.directories import count_pages
from biomero.adapters.tiff.filebytes import FileBytes
from biomero.adapters.tiff.layout import FileLayout, lay_out
from biomero.adapters.tiff.metadata import describe
from biomero.adapters.tiff.page_format import PageFormat, page_format
from biomero.adapters.tiff.pixels import PageBytes, PagePixels
from biomero.adapters.tiff.seam import tiff_errors
from biomero.adapters.tiff.series import image_series
from biomero.adapters.tiff.whole import whole_pages
from biomero.domain.imaging import ImageMetadata
from biomero.errors import ImageReadError, UnsupportedImageError

_PARSING = "its structure is damaged"


class TiffSource:
    """Opens TIFF, OME-TIFF, ImageJ, LSM, STK and slide scanners' files; see `ImageSource`.

    An image that opens is whole: every page is there, and the file reaches to its last
    byte.
    Slides are read at full resolution; their thumbnails, labels and overviews are not images.
    """

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with _parsed(path) as tif:
            return len(image_series(tif, path))

    def open(self, path: Path, *, index: int = 0) -> TiffImage:
        """See `ImageSource.open`."""
        with _parsed(path) as tif:
            images = image_series(tif, path)
            if not 0 <= index < len(images):
                raise ImageReadError(f"{path} has {len(images)} images; there is no number {index}")
            series = images[index]
            pages = page_format(series.keyframe, path)
            layout = _layout(series, pages, path)
            return TiffImage(
                metadata=describe(tif, series, pages=pages, layout=layout, path=path, index=index),
                layout=layout,
                pages=whole_pages(series, pages, layout, path),
                page_format=pages,
            )


def _layout(series: TiffPageSeries, pages: PageFormat, path: Path) -> FileLayout:
    axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
    try:
        return lay_out(axes, shape, page_shape=pages.shape, colours=pages.colours)
    except ValueError as exc:
        raise UnsupportedImageError(f"{path}: {exc}") from exc


@contextmanager
def _parsed(path: Path) -> Iterator[TiffFile]:
    """Parse a file; the bytes of pixels are later read without tifffile, so it is closed again."""
    count_pages(path)
    with tiff_errors(path, _PARSING), TiffFile(path) as tif:
        yield tif


class TiffImage:
    """An open image of a TIFF; see `OpenImage`."""

    def __init__(
        self,
        *,
        metadata: ImageMetadata,
        layout: FileLayout,
        pages: tuple[PageBytes, ...],
        page_format: PageFormat,
    ) -> None:
        self._metadata = metadata
        self._layout = layout
        self._pages = pages
        self._files = FileBytes()
        self._pixels = PagePixels(page_format, self._files)

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        return self._pixels.block_shape

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        place = self._layout.locate(t=t, c=c, z=z)
        height, width = self._metadata.shape[-2:]
        return self._pixels.read(
            self._pages[place.page],
            place,
            y=slice(*y.indices(height)[:2]),
            x=slice(*x.indices(width)[:2]),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._files.close()
