"""``RenderingEngine``: the settings of channels. Nothing is rendered here."""

from __future__ import annotations

from typing import Any

import omero

from omero_server import image_records, pixel_files, rights
from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service
from omero_server.records import Record
from omero_server.server import Server
from omero_server.services.images import describe
from omero_server.sessions import OpenSession

_WINDOW = "#window"
_ACTIVE = 3
"""So many channels are shown at first."""


class Rendering(Service):
    """`omero.api.RenderingEngine`."""

    def __init__(self, server: Server, session: OpenSession) -> None:
        super().__init__(server, session)
        self._pixels: Record | None = None
        self._set_windows: dict[int, list[float]] = {}

    def lookupPixels(self, number: int, call: Call) -> None:
        found = self.records.find("Pixels", number)
        if found is None or not rights.can_read(call, found):
            raise omero.ValidationException(None, None, f"no pixels {number}")
        self._pixels = found

    def lookupRenderingDef(self, _number: int, _: Call) -> bool:
        return True

    def loadRenderingDef(self, _number: int, _: Call) -> None:
        """There is one set of settings only."""

    def getRenderingDefId(self, _: Call) -> int:
        return 1

    def load(self, _: Call) -> None:
        """Nothing is to be loaded."""

    def getPixels(self, call: Call) -> Any:
        return describe(call, self._looked_up)

    def getDefaultZ(self, _: Call) -> int:
        return int(self._looked_up.get("sizeZ")) // 2

    def getDefaultT(self, _: Call) -> int:
        return 0

    def getModel(self, call: Call) -> Any:
        return Copier(call).one(self.server.enumeration("RenderingModel", "rgb"))

    def isActive(self, channel: int, _: Call) -> bool:
        return channel < _ACTIVE

    def getRGBA(self, channel: int, _: Call) -> list[int]:
        record = self._channel(channel)
        return [int(record.get(name)) for name in ("red", "green", "blue", "alpha")]

    def getChannelWindowStart(self, channel: int, _: Call) -> float:
        return self._window(channel)[0]

    def getChannelWindowEnd(self, channel: int, _: Call) -> float:
        return self._window(channel)[1]

    def setChannelWindow(self, channel: int, start: float, end: float, _: Call) -> None:
        self._set_windows[channel] = [start, end]

    def saveCurrentSettings(self, call: Call) -> None:
        if not rights.may(call, self._looked_up, rights.Scope.ANNOTATE):
            raise omero.SecurityViolation(None, None, f"Cannot save settings for {self._looked_up}")
        for channel, window in self._set_windows.items():
            record = self._channel(channel)
            record.scalars[_WINDOW] = window
            self.records.put(record)

    def getPixelsTypeLowerBound(self, _channel: int, _: Call) -> float:
        kind = image_records.kind_of(self._looked_up)
        return 0.0 if kind.startswith("u") else -float(2 ** (pixel_files.BIT_SIZES[kind] - 1))

    def getPixelsTypeUpperBound(self, _channel: int, _: Call) -> float:
        kind = image_records.kind_of(self._looked_up)
        bits = pixel_files.BIT_SIZES[kind]
        return float(2 ** (bits if kind.startswith("u") else bits - 1) - 1)

    def getChannelLookupTable(self, _channel: int, _: Call) -> str:
        return ""

    def getCodomainMapContext(self, _channel: int, _: Call) -> list[Any]:
        return []

    def getChannelFamily(self, _channel: int, call: Call) -> Any:
        return Copier(call).one(self.server.enumeration("Family", "linear"))

    def getChannelCurveCoefficient(self, _channel: int, _: Call) -> float:
        return 1.0

    def getChannelNoiseReduction(self, _channel: int, _: Call) -> bool:
        return False

    @property
    def _looked_up(self) -> Record:
        if self._pixels is None:
            raise omero.ApiUsageException(None, None, "no pixels were looked up")
        return self._pixels

    def _channel(self, place: int) -> Record:
        return self.records.collection(self._looked_up, "channels")[place]

    def _window(self, channel: int) -> list[float]:
        found = self._set_windows.get(channel) or self._channel(channel).scalars.get(_WINDOW)
        if found:
            return list(found)
        return [self._statistic(channel, "globalMin", 0), self._statistic(channel, "globalMax", 1)]

    def _statistic(self, channel: int, name: str, otherwise: float) -> float:
        statistics = self._channel(channel).references.get("statsInfo")
        return otherwise if statistics is None else float(statistics.get(name))


class RenderingSettings(Service):
    """`omero.api.IRenderingSettings`: settings are never stored."""

    def resetDefaultsInSet(self, _name: str, ids: list[int], _: Call) -> list[int]:
        return ids

    def resetDefaultsForPixels(self, _number: int, _: Call) -> bool:
        return True


class Thumbnails(Service):
    """`omero.api.ThumbnailStore`: there are none."""
