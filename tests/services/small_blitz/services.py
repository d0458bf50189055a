"""Services of a session: who is asking, files, jobs, inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import omero
import omero.model
from omero.rtypes import rstring, rtime

from services.small_blitz.store import FINISHED, GROUP, USERS, Session, Store

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sessions:
    """`omero.api.ISession`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def getSession(self, key: str) -> Any:
        session = omero.model.SessionI(1, True)
        session.uuid = rstring(self._store.session(key).uuid)
        return session

    def closeSession(self, session: Any) -> int:
        return -2 if self._store.sessions.pop(session.uuid.val, None) is None else 0

    def getInput(self, key: str, name: str) -> Any:
        return self._store.session(key).inputs.get(name)

    def getInputs(self, key: str) -> dict[str, Any]:
        return self._store.session(key).inputs

    def getInputKeys(self, key: str) -> Sequence[str]:
        return list(self._store.session(key).inputs)

    def setInput(self, key: str, name: str, value: Any) -> None:
        self._store.session(key).inputs[name] = value

    def getOutput(self, key: str, name: str) -> Any:
        return self._store.session(key).outputs.get(name)

    def getOutputKeys(self, key: str) -> Sequence[str]:
        return list(self._store.session(key).outputs)

    def setOutput(self, key: str, name: str, value: Any) -> None:
        self._store.session(key).outputs[name] = value


class Admin:
    """`omero.api.IAdmin`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def getEventContext(self) -> Any:
        user = self._session.user
        return omero.sys.EventContext(
            shareId=-1,
            sessionId=1,
            sessionUuid=self._session.uuid,
            userId=USERS[user],
            userName=user,
            groupId=GROUP,
            groupName="lab",
            isAdmin=user == "root",
            eventId=1,
            eventType="User",
            memberOfGroups=[GROUP],
            leaderOfGroups=[],
            groupPermissions=omero.model.PermissionsI("rw----"),
            adminPrivileges=[],
        )


class Update:
    """`omero.api.IUpdate`: files, and their links to jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def saveAndReturnObject(self, thing: Any) -> Any:
        return self._store.add_file(thing.name.val).model()

    def saveObject(self, link: Any) -> None:
        file = self._store.files[link.child.id.val]
        self._store.jobs[link.parent.id.val].printed[file.name] = file


class RawFile:
    """`omero.api.RawFileStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id = -1

    @property
    def _content(self) -> bytearray:
        return self._store.files[self._id].content

    def setFileId(self, number: int) -> None:
        self._id = number

    def size(self) -> int:
        return len(self._content)

    def read(self, start: int, count: int) -> bytes:
        return bytes(self._content[start : start + count])

    def truncate(self, size: int) -> bool:
        del self._content[size:]
        return True

    def write(self, block: bytes, start: int, count: int) -> None:
        self._content[start : start + count] = block[:count]

    def save(self) -> Any:
        return self._store.files[self._id].model()

    def close(self) -> None:
        """Forget nothing: the file stays."""


class JobHandle:
    """`omero.api.JobHandle`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._id = -1

    def attach(self, number: int) -> Any:
        self._id = number
        status = omero.model.JobStatusI(1, True)
        status.value = rstring(self._store.jobs[number].status)
        return status

    def jobFinished(self) -> Any:
        return rtime(1) if self._store.jobs[self._id].status in FINISHED else None

    def setStatus(self, status: str) -> str:
        return self._store.jobs[self._id].become(status)

    def getJob(self) -> Any:
        return self._store.jobs[self._id].model()

    def close(self) -> None:
        """Nothing is held."""
