"""``SharedResources``: processors, and OMERO.tables by omero-py's own servant."""

from __future__ import annotations

import threading
from typing import Any

import Ice
import omero
import omero.grid
import omero.util
from omero.rtypes import rlong, rstring

from omero_server import image_records, rights
from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service


class Resources(Service):
    """`omero.grid.SharedResources`. Tables call this server in turn: so its calls do not lock."""

    locks = False

    def addProcessor(self, processor: Any, _: Call) -> None:
        self.server.processors.add(processor)

    def removeProcessor(self, processor: Any, _: Call) -> None:
        self.server.processors.remove(processor)

    def areTablesEnabled(self, _: Call) -> bool:
        return True

    def repositories(self, _: Call) -> Any:
        found = omero.model.OriginalFileI(1, True)
        found.name, found.path = rstring("ManagedRepository"), rstring(str(self.server.folder))
        found.mimetype, found.hash = rstring("Repository"), rstring("test-server")
        return omero.grid.RepositoryMap([found], [None])

    def newTable(self, _repository: int, path: str, call: Call) -> Any:
        folder, _, name = path.rpartition("/")
        with self.server.lock:
            file = image_records.new(call, "OriginalFile", name=rstring(name), path=rstring(f"{folder}/"))
            file.scalars["mimetype"], file.scalars["size"] = rstring("OMERO.tables"), rlong(0)
            self.records.put(file)
            self.records.commit()
        return self.openTable(omero.model.OriginalFileI(file.id, False), call)

    def openTable(self, thing: Any, call: Call) -> Any:
        # heavy, and only needed here
        from omero.hdfstorageV2 import HDFLIST  # noqa: PLC0415
        from omero.tables import TableI  # noqa: PLC0415

        with self.server.lock:
            file = self.records.find("OriginalFile", thing.id.val)
            if file is None or not rights.can_read(call, file):
                raise omero.SecurityViolation(None, None, f"Cannot read OriginalFile {thing.id.val}")
            copy = Copier(call).one(file)
            path = str(self.server.file_path(file))
        name = Ice.generateUUID()
        context = omero.util.ServerContext("tables", self.server.communicator, threading.Event())
        factory = self.server.adapter.createProxy(Ice.Identity(self.session.uuid, call.current.id.category))
        table = TableI(
            context,
            copy,
            path,
            omero.api.ServiceFactoryPrx.uncheckedCast(factory),
            HDFLIST,
            uuid=name,
            call_context={"omero.group": str(file.group)},
            adapter=self.server.adapter,
        )
        identity = Ice.Identity(name, "")
        self.session.services.add(identity)
        return omero.grid.TablePrx.uncheckedCast(self.server.adapter.add(table, identity))
