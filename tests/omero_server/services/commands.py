"""``submit``: deleting objects with all that belongs to them, and moving them to another group."""

from __future__ import annotations

from typing import Any

import omero
import omero.cmd
import omero.cmd.graphs

from omero_server import graphs, rights, schema
from omero_server.call import Call
from omero_server.dispatch import Service
from omero_server.records import Record
from omero_server.server import Server
from omero_server.sessions import OpenSession


class _Refused(Exception):  # noqa: N818 - an answer
    pass


class Handle(Service):
    """`omero.cmd.Handle` of a request, which has been done by the time that a client hears of it."""

    def __init__(self, server: Server, session: OpenSession) -> None:
        super().__init__(server, session)
        self._request: Any = None
        self._response: Any = None

    def run(self, request: Any, call: Call) -> None:
        """Do it; nothing of it is kept if something is refused."""
        self._request = request
        try:
            self.server.sessions.check_group(call)
            self._response = self._run(request, call)
            self.records.commit()
        except (_Refused, graphs.SplitError) as exc:
            self.records.roll_back()
            self._response = omero.cmd.ERR(request.ice_id(), "graph-fail", {"message": str(exc)})
        except omero.ServerError as exc:
            self.records.roll_back()
            self._response = omero.cmd.ERR(request.ice_id(), type(exc).__name__, {"message": exc.message})

    def getRequest(self, _: Call) -> Any:
        return self._request

    def getResponse(self, _: Call) -> Any:
        return self._response

    def getStatus(self, _: Call) -> Any:
        flags = [omero.cmd.State.FAILURE] if isinstance(self._response, omero.cmd.ERR) else []
        return omero.cmd.Status(flags=flags, steps=1, currentStep=1, stepStartTimes=[], stepStopTimes=[])

    def addCallback(self, _callback: Any, _: Call) -> None:
        """Nobody is called back."""

    def removeCallback(self, _callback: Any, _: Call) -> None:
        """Nobody is called back."""

    def cancel(self, _: Call) -> bool:
        return False

    def _run(self, request: Any, call: Call) -> Any:
        if isinstance(request, omero.cmd.DoAll):
            responses = [self._run(one, call) for one in request.requests]
            return omero.cmd.DoAllRsp(responses, [omero.cmd.Status(flags=[]) for _ in responses])
        if isinstance(request, omero.cmd.Delete2):
            return self._delete(request, call)
        if isinstance(request, omero.cmd.Chgrp2):
            return self._move(request, call)
        raise _Refused(f"the test server has no {type(request).__name__}")

    def _delete(self, request: Any, call: Call) -> Any:
        targets = self._targets(request, call, rights.Scope.DELETE)
        options = request.childOptions or []
        kept = [name for option in options for name in option.excludeType or []]
        going = graphs.Graph(call, targets, kept=kept).going
        if not request.dryRun:
            for record in going.values():
                self._remove(record)
        return omero.cmd.Delete2Response(deletedObjects=_by_class(going.values()))

    def _remove(self, record: Record) -> None:
        for attribute, other in self.records.all_referring(record):
            other.references[attribute] = None
            self.records.put(other)
        if record.kind.name == "Pixels":
            self.server.pixels.remove(record.id)
        if record.kind.name == "OriginalFile":
            self.server.file_path(record).unlink(missing_ok=True)
        self.records.remove(record)

    def _move(self, request: Any, call: Call) -> Any:
        group = self.records.find("ExperimenterGroup", request.groupId)
        if group is None or not (group.id in call.member_of or "Chgrp" in call.privileges):
            raise _Refused(f"not permitted to move objects into group {request.groupId}")
        targets = self._targets(request, call, rights.Scope.EDIT)
        for target in targets:
            if target.owner != call.user.id and "Chgrp" not in call.privileges:
                raise _Refused(f"not permitted to process {target}")
        going = graphs.Graph(call, targets).going
        for record in going.values():
            ends = [record.references.get(end) for end in ("parent", "child")]
            if record.kind.is_link and any(end is not None and end.key not in going for end in ends):
                self.records.remove(record)
            else:
                record.group = group.id
                self.records.put(record)
        return omero.cmd.Chgrp2Response(includedObjects=_by_class(going.values()), deletedObjects={})

    def _targets(self, request: Any, call: Call, scope: rights.Scope) -> list[Record]:
        found = []
        for name, ids in request.targetObjects.items():
            for number in ids:
                record = self.records.find(schema.plain_name(name), number)
                if record is None or not rights.can_read(call, record):
                    raise _Refused(f"cannot read {schema.plain_name(name)}[{number}]")
                if not rights.may(call, record, scope):
                    raise _Refused(f"not permitted to process {schema.plain_name(name)}[{number}]")
                found.append(record)
        return found


def _by_class(records: Any) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in records:
        found.setdefault(schema.java_name(record.kind.name), []).append(record.id)
    return found
