"""``RawPixelsStore``: reading and writing pixels, big-endian, one image at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import omero
import omero.api
from omero.rtypes import rstring

from omero_server import image_records, rights
from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service
from omero_server.pixel_files import Pixels
from omero_server.records import Record
from omero_server.server import Server
from omero_server.sessions import OpenSession

_LARGE = 3192 * 3192
"""From so many pixels in a plane on, OMERO keeps pyramids."""
_TILE = 1024
_PENDING = "Pending..."
"""What stands for the digest of pixels until a store that wrote them was closed."""


class RawPixels(Service):
    """`omero.api.RawPixelsStore`. Levels of a pyramid are numbered as by OMERO: the last is the largest."""

    locks = False

    def __init__(self, server: Server, session: OpenSession) -> None:
        super().__init__(server, session)
        self._record: Record | None = None
        self._array: Pixels = np.empty(0)
        self._level = 0
        self._may_write = False
        self._is_new = False
        self._is_changed = False

    def setPixelsId(self, number: int, _bypass: bool, call: Call) -> None:
        with self.server.lock:
            record = self.records.find("Pixels", number)
            if record is None:
                raise omero.ValidationException(None, None, f"Cannot read pixels set {number}")
            if not rights.can_read(call, record):
                raise omero.SecurityViolation(None, None, f"Cannot read {record}")
            shape, kind = image_records.shape_of(record), image_records.kind_of(record)
            self._array = self.server.pixels.open(number, shape, kind)
            self._record = record
            self._may_write = rights.may(call, record, rights.Scope.EDIT)
            self._is_new = record.get("sha1") == _PENDING and not self.server.pixels.was_written(number)
            self._is_changed = False
            self._level = self._levels - 1

    def getPixelsId(self, _: Call) -> int:
        return self._pixels.id

    def getByteWidth(self, _: Call) -> int:
        return self._stored.itemsize

    def isSigned(self, _: Call) -> bool:
        return self._stored.dtype.kind != "u"

    def isFloat(self, _: Call) -> bool:
        return self._stored.dtype.kind == "f"

    def getRowSize(self, _: Call) -> int:
        return int(self._stored[0, 0, 0, 0].nbytes)

    def getPlaneSize(self, _: Call) -> int:
        return int(self._stored[0, 0, 0].nbytes)

    def getStackSize(self, _: Call) -> int:
        return int(self._stored[0, 0].nbytes)

    def getTimepointSize(self, _: Call) -> int:
        return int(self._stored[0].nbytes)

    def getTotalSize(self, _: Call) -> int:
        return self._stored.nbytes

    def getPlane(self, z: int, c: int, t: int, _: Call) -> bytes:
        return self._read(lambda a: a[t, c, z], t=t, c=c, z=z)

    def getTile(self, z: int, c: int, t: int, x: int, y: int, width: int, height: int, _: Call) -> bytes:
        self._check_inside(x, y, width, height)
        return self._read(lambda a: a[t, c, z, y : y + height, x : x + width], t=t, c=c, z=z)

    def getRow(self, y: int, z: int, c: int, t: int, _: Call) -> bytes:
        self._check_inside(0, y, 1, 1)
        return self._read(lambda a: a[t, c, z, y], t=t, c=c, z=z)

    def getStack(self, c: int, t: int, _: Call) -> bytes:
        return self._read(lambda a: a[t, c], t=t, c=c)

    def getTimepoint(self, t: int, _: Call) -> bytes:
        return self._read(lambda a: a[t], t=t)

    def getHypercube(self, offset: list[int], size: list[int], step: list[int], _: Call) -> bytes:
        parts = tuple(slice(o, o + n, s) for o, n, s in zip(offset, size, step, strict=True))
        if any(p.stop > n for p, n in zip(parts[::-1], self._stored.shape, strict=True)):
            raise omero.ApiUsageException(None, None, "the hypercube lies beyond the pixels")
        return self._read(lambda a: a[parts[::-1]])

    def setPlane(self, data: bytes, z: int, c: int, t: int, _: Call) -> None:
        self._refuse_in_pyramids()
        self._write(lambda a: a[t, c, z], data, t=t, c=c, z=z)

    def setTile(
        self, data: bytes, z: int, c: int, t: int, x: int, y: int, width: int, height: int, _: Call
    ) -> None:
        self._check_inside(x, y, width, height)
        if not self._is_large and (x, width) != (0, self._stored.shape[4]):
            raise omero.InternalException(None, None, "ROMIO pixel buffer only supports full row writes.")
        self._write(lambda a: a[t, c, z, y : y + height, x : x + width], data, t=t, c=c, z=z)

    def setRow(self, data: bytes, y: int, z: int, c: int, t: int, _: Call) -> None:
        self._check_inside(0, y, 1, 1)
        self._refuse_in_pyramids()
        self._write(lambda a: a[t, c, z, y], data, t=t, c=c, z=z)

    def setStack(self, data: bytes, _z: int, c: int, t: int, _: Call) -> None:
        self._refuse_in_pyramids()
        self._write(lambda a: a[t, c], data, t=t, c=c)

    def setTimepoint(self, data: bytes, t: int, _: Call) -> None:
        self._refuse_in_pyramids()
        self._write(lambda a: a[t], data, t=t)

    def save(self, call: Call) -> Any:
        self._flush()
        if not self._is_changed:
            return None
        with self.server.lock:
            digest = hashlib.sha1(self._stored.data).hexdigest()  # noqa: S324 - OMERO's choice
            self._pixels.scalars["sha1"] = rstring(digest)
            self._pixels.updated = call.writing()
            self.records.put(self._pixels)
            self.records.commit()
            self._is_changed = False
            return Copier(call).one(self._pixels)

    def close(self, call: Call) -> None:
        self.save(call)
        super().close(call)

    def requiresPixelsPyramid(self, _: Call) -> bool:
        return self._is_large

    def getResolutionLevels(self, _: Call) -> int:
        return self._levels

    def getResolutionLevel(self, _: Call) -> int:
        return self._level

    def setResolutionLevel(self, level: int, _: Call) -> None:
        if not 0 <= level < self._levels:
            raise omero.ApiUsageException(None, None, f"no resolution level {level}")
        self._level = level

    def getResolutionDescriptions(self, _: Call) -> list[Any]:
        height, width = self._stored.shape[3:]
        sizes = [(width >> n, height >> n) for n in range(self._levels)]
        return [omero.api.ResolutionDescription(*size) for size in sizes]

    def getTileSize(self, _: Call) -> list[int]:
        return [min(_TILE, self._stored.shape[4]), min(_TILE, self._stored.shape[3])]

    @property
    def _pixels(self) -> Record:
        if self._record is None:
            message = "This RawPixelsStore has not been properly initialized. Please set the pixels id first"
            raise omero.ApiUsageException(None, None, message)
        return self._record

    @property
    def _stored(self) -> Pixels:
        _ = self._pixels
        return self._array

    @property
    def _is_large(self) -> bool:
        return bool(self._stored.shape[3] * self._stored.shape[4] > _LARGE)

    @property
    def _levels(self) -> int:
        height, width = self._stored.shape[3:]
        levels = 1
        while height * width > _LARGE or (levels > 1 and max(height, width) > _TILE):
            height, width, levels = height // 2, width // 2, levels + 1
        return levels

    @property
    def _seen(self) -> Pixels:
        step = 1 << (self._levels - 1 - self._level)
        height, width = self._stored.shape[3:]
        return self._stored[..., ::step, ::step][..., : height // step or 1, : width // step or 1]

    def _check(self, **wanted: int) -> None:
        for axis, index in wanted.items():
            size = self._stored.shape["tcz".index(axis)]
            if not 0 <= index < size:
                raise omero.ApiUsageException(
                    None, None, f"{axis} '{index}' greater than size{axis} '{size}'"
                )

    def _check_inside(self, x: int, y: int, width: int, height: int) -> None:
        rows, columns = self._seen.shape[3:]
        if x < 0 or y < 0 or width < 1 or height < 1 or x + width > columns or y + height > rows:
            message = f"tile ({x}, {y}, {width}, {height}) lies beyond the plane ({columns}, {rows})"
            raise omero.ApiUsageException(None, None, message)

    def _read(self, part: Callable[[Pixels], Pixels], **wanted: int) -> bytes:
        self._check(**wanted)
        return part(self._seen).tobytes()

    def _write(self, part: Callable[[Pixels], Pixels], data: bytes, **wanted: int) -> None:
        self._check(**wanted)
        if not self._may_write:
            raise omero.SecurityViolation(None, None, f"Updating {self._pixels} not allowed.")
        if not self._is_new:
            # so with all files of pixels that are there already, also those of a store that was never closed
            raise omero.ApiUsageException(None, None, "Cannot write via read-only pixel buffer")
        self.server.pixels.mark_written(self._pixels.id)
        self._is_changed = True
        target = part(self._stored)
        if len(data) != target.nbytes:
            message = f"{len(data)} bytes for {target.nbytes} of pixels"
            raise omero.ApiUsageException(None, None, message)
        target[...] = np.frombuffer(data, self._stored.dtype).reshape(target.shape)

    def _refuse_in_pyramids(self) -> None:
        if self._is_large:
            raise omero.InternalException(None, None, "Non-tile based writing unsupported.")

    def _flush(self) -> None:
        if isinstance(self._array, np.memmap):
            self._array.flush()
