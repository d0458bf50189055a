"""Writing an image as OME-TIFF within bounds of memory, and checking what was written."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile
from ome_metadata import ome_metadata
from pieces import MEBIBYTE, Checksums, pieces, plan_cut
from zarr_image import UnusableImageError, ZarrImage

CLASSIC_LIMIT = int(3.9 * 2**30)
"""Above it a classic TIFF's 32-bit offsets may not reach; below it, old programs can read the file."""

_TIFF_TYPES = frozenset({"bool", "uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"})


def convert(image: ZarrImage, target: Path, *, memory: int) -> int:
    """Write an image under a temporary name, check it, rename it; return the size of the file.

    Parameters
    ----------
    memory
        How many bytes the conversion may take.

    Raises
    ------
    UnusableImageError
        If the image cannot be converted or the file is not what was to be written.
    OSError
        If it cannot be written. In both cases nothing new stands at `target`.
    """
    if image.dtype.name not in _TIFF_TYPES:
        raise UnusableImageError(
            f"{image.dtype.name} pixels do not fit into OME-TIFF, which holds booleans, integers of up to 32 "
            "bits and floats of 32 and 64 bits"
        )
    part = target.with_name(target.name + ".part")
    try:
        checksums = _write(image, part, memory=memory)
        _check(image, part, checksums)
        size = part.stat().st_size
        part.replace(target)
    except OSError as exc:
        raise OSError(
            f"{target} cannot be written ({exc}); check the space and the permissions there"
        ) from exc
    finally:
        part.unlink(missing_ok=True)
    return size


def _write(image: ZarrImage, part: Path, *, memory: int) -> Checksums:
    # A TIFF has no word for colours of one bit.
    as_rgb = image.is_rgb and image.dtype != bool
    cut = plan_cut(image, memory=memory, as_rgb=as_rgb)
    shape = list(image.shape)
    if as_rgb:
        shape.append(shape.pop(image.axes.index("c")))
    checksums = Checksums()
    with tifffile.TiffWriter(part, bigtiff=_stored_size(image, cut.tile) > CLASSIC_LIMIT, ome=True) as tiff:
        tiff.write(
            pieces(image, cut, checksums),
            shape=tuple(shape),
            dtype=image.dtype,
            photometric="rgb" if as_rgb else "minisblack",
            tile=cut.tile,
            maxworkers=1,
            metadata=ome_metadata(image, as_rgb=as_rgb),
        )
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    return checksums


def _stored_size(image: ZarrImage, tile: tuple[int, int] | None) -> int:
    height, width = image.shape[-2:]
    if tile:
        height, width = (-(-n // t) * t for n, t in zip((height, width), tile, strict=True))
    # Each page also has its tags; the first one has the metadata.
    pages = int(np.prod(image.shape[:-2], dtype=np.int64))
    return pages * (height * width * image.dtype.itemsize + 1024) + MEBIBYTE


def _check(image: ZarrImage, part: Path, checksums: Checksums) -> None:
    """Open the file again and compare its shape, pixel type and every stored byte."""
    with tifffile.TiffFile(part) as tiff, part.open("rb") as file:
        series = tiff.series[0]
        found = dict(zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True))
        if "S" in found and found.get("C", 1) == 1:
            found["C"] = found.pop("S")
        expected = dict(zip(image.axes.upper(), image.shape, strict=True))
        if any(found.get(axis, 1) != expected.get(axis, 1) for axis in {*found, *expected}):
            raise UnusableImageError(f"the file has sizes {found}, not {expected}")
        if series.dtype != image.dtype:
            raise UnusableImageError(f"the file has {series.dtype} pixels, not {image.dtype}")
        if len(tiff.pages) != len(checksums.of_page):
            raise UnusableImageError(f"the file has {len(tiff.pages)} pages, not {len(checksums.of_page)}")
        for number, page in enumerate(tiff.pages):
            checksum = 0
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
                checksum = _crc32(file, offset, count, checksum)
            if checksum != checksums.of_page[number]:
                raise UnusableImageError(f"the pixels of page {number} are not what was written")


def _crc32(file: BinaryIO, offset: int, count: int, checksum: int) -> int:
    file.seek(offset)
    while count:
        content = file.read(min(count, 8 * MEBIBYTE))
        if not content:
            raise UnusableImageError("the file is shorter than what was written")
        checksum = zlib.crc32(content, checksum)
        count -= len(content)
    return checksum
