"""``IUpdate``: saving objects, and deleting single ones."""

from __future__ import annotations

from typing import Any

import omero

from omero_server import rights, schema
from omero_server.call import Call
from omero_server.dispatch import Service
from omero_server.saving import Saving


class Update(Service):
    """`omero.api.IUpdate`."""

    def saveObject(self, thing: Any, call: Call) -> None:
        Saving(call).save([thing])

    def saveAndReturnObject(self, thing: Any, call: Call) -> Any:
        Saving(call).save([thing])
        return thing

    def saveCollection(self, things: list[Any], call: Call) -> None:
        Saving(call).save(things)

    def saveArray(self, things: list[Any], call: Call) -> None:
        Saving(call).save(things)

    def saveAndReturnArray(self, things: list[Any], call: Call) -> list[Any]:
        Saving(call).save(things)
        return things

    def saveAndReturnIds(self, things: list[Any], call: Call) -> list[int]:
        return [record.id for record in Saving(call).save(things)]

    def deleteObject(self, thing: Any, call: Call) -> None:
        record = self.records.find(schema.class_name(thing), thing.id.val)
        if record is None or not rights.can_read(call, record):
            raise omero.ValidationException(None, None, "the object to be deleted is not there")
        if not rights.may(call, record, rights.Scope.DELETE):
            raise omero.SecurityViolation(None, None, f"Deleting {record} not allowed.")
        if next(self.records.all_referring(record), None) is not None:
            raise omero.ValidationException(None, None, f"{record} is referred to by other objects")
        self.records.remove(record)
