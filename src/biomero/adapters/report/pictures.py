"""Overlays as PNG, and small copies of them for the page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from biomero.adapters.report.composite import composite
from biomero.adapters.report.outlines import draw_outlines
from biomero.adapters.report.reduced import reduced_labels, reduction
from biomero.application.ports.image_source import OpenImage

_SHORTEST_EDGE = 512
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 88, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


def overlay_png(image: OpenImage, labels: Sequence[OpenImage]) -> bytes:
    """Return a PNG of an image with the outlines of its labels; see `ReportWriter.write_overlay`."""
    factor = reduction(image.metadata)
    # A small image is shown larger, so that its outlines do not hide it.
    enlargement = max(1, _SHORTEST_EDGE // max(image.metadata.shape[-2:]))
    picture = _enlarged(composite(image, factor=factor), enlargement)
    for label_image in labels:
        draw_outlines(picture, _enlarged(reduced_labels(label_image, factor=factor), enlargement))
    return _encoded(".png", picture)


def thumbnail(png: Path, *, edge: int) -> str | None:
    """Return a picture as a ``data:`` address, no longer than `edge`; ``None`` if it cannot be read."""
    if not png.is_file():
        return None
    picture = cv2.imdecode(np.fromfile(png, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        return None
    height, width = picture.shape[:2]
    scale = min(1.0, edge / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return "data:image/jpeg;base64," + base64.b64encode(_encoded(".jpg", small, _JPEG)).decode("ascii")


def _enlarged(picture: NDArray[Any], times: int) -> NDArray[Any]:
    return picture if times == 1 else picture.repeat(times, axis=0).repeat(times, axis=1)


def _encoded(suffix: str, picture: NDArray[Any], options: Sequence[int] = ()) -> bytes:
    _, encoded = cv2.imencode(suffix, picture[..., ::-1], list(options))
    return bytes(encoded)
