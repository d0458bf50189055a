"""Images through Bio-Formats."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biomero.adapters.bioformats.jvm import JvmProcess
from biomero.domain.imaging import RGB_CHANNELS, Channel, ImageMetadata
from biomero.domain.ome_xml import OmeImage, parse_ome_xml
from biomero.errors import ImageReadError, UnsupportedImageError

_DTYPES = {"float": "float32", "double": "float64", "bit": "uint8"}
_AT_ONCE = 8 << 20  # bytes of a piece that is read at once


class BioFormatsSource:
    """Opens whatever Bio-Formats reads; see `ImageSource`.

    Nothing is started before the first image. A process that has done its work is kept for the next image,
    and ends with this object.

    Parameters
    ----------
    java
        The command ``java``, or the path of one.
    jar
        Bio-Formats; None where there is none: every image is then refused with how to get it.
    max_memory_mb
        How much the JVM may take for itself.
    """

    def __init__(self, java: str = "java", jar: Path | None = None, *, max_memory_mb: int = 640) -> None:
        self._java = java
        self._jar = jar
        self._max_memory_mb = max_memory_mb
        self._idle: list[JvmProcess] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _end_all, self._idle)

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        with _named(path):
            jvm = self._take()
            try:
                return int(jvm.ask("count", path=_absolute(path))[0]["images"])
            finally:
                self._give_back(jvm)

    def open(self, path: Path, *, index: int = 0) -> BioFormatsImage:
        """See `ImageSource.open`."""
        with _named(path):
            jvm = self._take()
            try:
                answer, document = jvm.ask("open", path=_absolute(path), index=index)
                described = _described(document.decode(), index)
            except BaseException:
                self._give_back(jvm)
                raise
        return BioFormatsImage(path, jvm, answer, described, give_back=self._give_back)

    def _take(self) -> JvmProcess:
        with self._lock:
            while self._idle:
                jvm = self._idle.pop()
                if jvm.is_alive:
                    return jvm
                jvm.end()
        return JvmProcess(self._java, self._jar, max_memory_mb=self._max_memory_mb)

    def _give_back(self, jvm: JvmProcess) -> None:
        try:
            jvm.ask("close")
        except ImageReadError:
            jvm.end()
            return
        with self._lock:
            if not self._idle:
                self._idle.append(jvm)
                return
        jvm.end()


def _end_all(processes: list[JvmProcess]) -> None:
    while processes:
        processes.pop().end()


def _absolute(path: Path) -> str:
    name = str(path.absolute())
    try:
        name.encode()
    except UnicodeEncodeError as exc:
        raise UnsupportedImageError("its name is not UTF-8, which Java cannot open") from exc
    return name


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the file's name before what Bio-Formats says."""
    try:
        yield
    except UnsupportedImageError as exc:
        raise UnsupportedImageError(f"{path}: {exc}") from exc
    except ImageReadError as exc:
        raise ImageReadError(f"{path} cannot be read by Bio-Formats: {exc}") from exc


def _described(document: str, index: int) -> OmeImage | None:
    try:
        images = parse_ome_xml(document).images
    except ValueError:
        return None  # the pixels are readable without it
    return images[index] if index < len(images) else None


class BioFormatsImage:
    """An open image, whose pixels come from the other process; see `OpenImage`."""

    def __init__(
        self,
        path: Path,
        jvm: JvmProcess,
        answer: dict[str, Any],
        described: OmeImage | None,
        *,
        give_back: Callable[[JvmProcess], None],
    ) -> None:
        self._path = path
        self._jvm: JvmProcess | None = jvm
        self._give_back = give_back
        self._metadata = _metadata(path, answer, described)
        self._stored = np.dtype(self._metadata.dtype).newbyteorder("<" if answer["little_endian"] else ">")
        self._block = tuple(answer["block"])

    @property
    def metadata(self) -> ImageMetadata:
        """See `OpenImage.metadata`."""
        return self._metadata

    @property
    def block_shape(self) -> tuple[int, int]:
        """See `OpenImage.block_shape`."""
        height, width = self._metadata.shape[-2:]
        wide = max(1, min(self._block[1], width))
        fit = max(1, _AT_ONCE // (wide * self._stored.itemsize))
        # full width: it has no tiles, and the more rows at once the fewer questions
        high = fit if wide == width else self._block[0]
        return max(1, min(high, height, fit)), wide

    def read(self, *, t: int = 0, c: int = 0, z: int = 0, y: slice, x: slice) -> NDArray[np.generic]:
        """See `OpenImage.read`."""
        for axis, index in (("t", t), ("c", c), ("z", z)):
            if not 0 <= index < self._metadata.size(axis):
                raise IndexError(
                    f"{axis}={index} lies beyond the image, which has {self._metadata.size(axis)}"
                )
        if self._jvm is None:
            raise ImageReadError(f"{self._path} is closed")
        height, width = self._metadata.shape[-2:]
        top, bottom, _ = y.indices(height)
        left, right, _ = x.indices(width)
        place = {"y": top, "x": left, "height": bottom - top, "width": right - left}
        with _named(self._path):
            _, payload = self._jvm.ask("read", t=t, c=c, z=z, **place)
        if len(payload) != place["height"] * place["width"] * self._stored.itemsize:
            raise ImageReadError(f"{self._path}: {len(payload)} bytes came for rows {top} to {bottom - 1}")
        pixels = np.frombuffer(payload, self._stored).reshape(place["height"], place["width"])
        return pixels.astype(self._metadata.dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._jvm is not None:
            self._give_back(self._jvm)
            self._jvm = None


def _metadata(path: Path, answer: dict[str, Any], described: OmeImage | None) -> ImageMetadata:
    sizes = dict(answer["sizes"])
    is_rgb = answer["samples"] in {3, 4} and answer["samples"] == sizes["c"]
    channels: tuple[Channel, ...] = described.channels if described is not None else ()
    if is_rgb:
        sizes["c"] = len(RGB_CHANNELS)  # what follows is alpha
        channels = RGB_CHANNELS
    axes = "".join(axis for axis in "tczyx" if axis in "yx" or sizes[axis] > 1)
    says_something = len(channels) == sizes["c"] and any(channel != Channel() for channel in channels)
    scale = described.scale if described is not None else {}
    return ImageMetadata(
        name=(described.name if described is not None else "") or path.stem,
        axes=axes,
        shape=tuple(sizes[axis] for axis in axes),
        dtype=_DTYPES.get(answer["type"], answer["type"]),
        scale={axis: size for axis, size in scale.items() if axis in axes},
        channels=channels if says_something else (),
        is_rgb=is_rgb,
    )
