"""``IConfig`` and ``ITypes``: what the server is, and its enumerations."""

from __future__ import annotations

import re
import time
from typing import Any

import omero
from omero.rtypes import rtime

from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service

DEFAULTS = {
    "omero.pixeldata.max_plane_width": "3192",
    "omero.pixeldata.max_plane_height": "3192",
    "omero.client.download_as.max_size": "144000000",
    "omero.client.viewer.roi_limit": "2000",
    "omero.policy.binary_access": "+read,+write,+image,-plate",
}
"""OMERO's own defaults of what clients ask about."""


class Config(Service):
    """`omero.api.IConfig`: OMERO's defaults, and what tests set."""

    def getVersion(self, _: Call) -> str:
        return "5.6.16"

    def getConfigValue(self, key: str, _: Call) -> str:
        return self._all.get(key, "")

    def getConfigValues(self, pattern: str, _: Call) -> dict[str, str]:
        return {k: v for k, v in self._all.items() if re.search(pattern, k)}

    def getClientConfigValues(self, _: Call) -> dict[str, str]:
        return {k: v for k, v in self._all.items() if k.startswith("omero.client.")}

    def getClientConfigDefaults(self, _: Call) -> dict[str, str]:
        return {k: v for k, v in DEFAULTS.items() if k.startswith("omero.client.")}

    def getDatabaseUuid(self, _: Call) -> str:
        return "test-server"

    def getServerTime(self, _: Call) -> Any:
        return rtime(int(time.time() * 1000))

    @property
    def _all(self) -> dict[str, str]:
        return {**DEFAULTS, **self.server.settings}

    def getDatabaseTime(self, _: Call) -> Any:
        return rtime(int(time.time() * 1000))


class Types(Service):
    """`omero.api.ITypes`."""

    def allEnumerations(self, name: str, call: Call) -> list[Any]:
        return Copier(call).all(self.records.all(name.rpartition(".")[2]))

    def getEnumeration(self, name: str, value: str, call: Call) -> Any:
        return Copier(call).one(self.server.enumeration(name.rpartition(".")[2], value))

    def createEnumeration(self, _thing: Any, call: Call) -> Any:
        raise omero.SecurityViolation(None, None, f"{call.user} may not create enumerations here")
