"""``IConfig`` and ``ITypes``: what the server is, and its enumerations."""

from __future__ import annotations

import time
from typing import Any

import omero
from omero.rtypes import rtime

from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service


class Config(Service):
    """`omero.api.IConfig`."""

    def getVersion(self, _: Call) -> str:
        return "5.6.16"

    def getConfigValue(self, key: str, _: Call) -> str:
        return self.server.settings.get(key, "")

    def getClientConfigValues(self, _: Call) -> dict[str, str]:
        return {k: v for k, v in self.server.settings.items() if k.startswith("omero.client.")}

    def getClientConfigDefaults(self, _: Call) -> dict[str, str]:
        return {}

    def getDatabaseUuid(self, _: Call) -> str:
        return "test-server"

    def getServerTime(self, _: Call) -> Any:
        return rtime(int(time.time() * 1000))

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
