"""PNG and JPEG pictures."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from biomero.adapters.readers.planes import LibraryImage, by_planes
from biomero.adapters.readers.seam import chosen, reading
from biomero.domain.imaging import RGB_CHANNELS, ImageMetadata
from biomero.errors import ImageReadError, UnsupportedImageError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_WITH_ALPHA = {2: 1, 4: 3}  # samples of a pixel, and how many of them are meant


class PictureSource:
    """Opens PNG and JPEG files; see `ImageSource`. They are decoded whole; alpha is dropped."""

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        _whole_content(path)
        return 1

    def open(self, path: Path, *, index: int = 0) -> LibraryImage:
        """See `ImageSource.open`."""
        chosen(path, index, 1)
        content = _whole_content(path)
        with reading(path, "its picture"):
            decode = imagecodecs.png_decode if content.startswith(_PNG) else imagecodecs.jpeg_decode
            pixels: NDArray[Any] = np.asarray(decode(content))
        samples = pixels.shape[2] if pixels.ndim == 3 else 1  # noqa: PLR2004 - (y, x, sample)
        samples = _WITH_ALPHA.get(samples, samples)
        by_sample = pixels.reshape(*pixels.shape[:2], -1)
        is_rgb = samples == len(RGB_CHANNELS)
        metadata = ImageMetadata(
            name=path.stem,
            axes="cyx" if samples > 1 else "yx",
            shape=(samples, *pixels.shape[:2]) if samples > 1 else pixels.shape[:2],
            dtype=pixels.dtype.name,
            channels=RGB_CHANNELS if is_rgb else (),
            is_rgb=is_rgb,
        )
        return LibraryImage(path, metadata, by_planes(lambda _t, c, _z: by_sample[:, :, c]))


def _whole_content(path: Path) -> bytes:
    """Read a file and check that it is complete: decoders fill what is missing with grey."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise ImageReadError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    if not content:
        raise ImageReadError(f"{path} is empty (0 bytes)")
    if content.startswith(_PNG):
        _check_png(path, content)
    elif content.startswith(_JPEG):
        # The mark of the end cannot stand in the picture's own bytes, but may end a thumbnail before it.
        if content.rfind(b"\xff\xd9") <= content.rfind(b"\xff\xda"):
            raise ImageReadError(
                f"{path} is truncated: the JPEG does not end within its {len(content)} bytes"
            )
    else:
        raise UnsupportedImageError(f"{path} is neither PNG nor JPEG: it begins with {content[:4]!r}")
    return content


def _check_png(path: Path, content: bytes) -> None:
    place = len(_PNG)
    kind = b""
    while kind != b"IEND":
        kind = content[place + 4 : place + 8]
        length = int.from_bytes(content[place : place + 4], "big")
        end = place + 12 + length
        if end > len(content):
            raise ImageReadError(
                f"{path} is truncated: part of it ends at byte {end}, the file at byte {len(content)}"
            )
        if zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end], "big"):
            raise ImageReadError(f"{path} is damaged: the check sum of the part at byte {place} is wrong")
        place = end
