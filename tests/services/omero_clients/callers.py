"""Users of OMERO who do one small thing at a time: a line of JSON each way (`services.omero_callers`)."""

from __future__ import annotations

import json
import sys
from typing import Any

import omero
import omero.clients
import omero.cmd
import omero.model
import omero.sys
from omero.rtypes import rdouble, rint, rlist, rlong, rstring, unwrap

_INTO = {"Image": "DatasetImageLink", "Dataset": "ProjectDatasetLink"}


class Caller:
    """Somebody who is logged in."""

    def __init__(self, host: str, port: int, name: str, password: str) -> None:
        router = f"--Ice.Default.Router=OMERO.Glacier2/router:tcp -h {host} -p {port}"
        self._client: Any = omero.client([router])
        self._session: Any = self._client.createSession(name, password)
        self._session.detachOnDestroy()
        self._group: dict[str, str] = {}
        self._seen: dict[str, Any] = {}

    def use_group(self, group: int) -> None:
        self._group = {"omero.group": str(group)}

    def switch_group(self, group: int) -> None:
        self._session.setSecurityContext(omero.model.ExperimenterGroupI(group, False))

    def context(self) -> dict[str, Any]:
        found = self._session.getAdminService().getEventContext(self._context)
        return {
            "user": found.userName,
            "group": found.groupId,
            "is_admin": found.isAdmin,
            "privileges": list(found.adminPrivileges),
            "sudoer": unwrap(found.sudoerName),
            "leads": list(found.leaderOfGroups),
            "uuid": found.sessionUuid,
        }

    def query(self, text: str, **ids: Any) -> list[int]:
        parameters = omero.sys.ParametersI()
        for name, value in ids.items():
            is_list = isinstance(value, list)
            parameters.add(name, rlist([rlong(v) for v in value]) if is_list else rlong(value))
        found = self._session.getQueryService().findAllByQuery(text, parameters, self._context)
        return [thing.id.val for thing in found]

    def projection(self, text: str) -> list[list[Any]]:
        rows = self._session.getQueryService().projection(text, None, self._context)
        return [[unwrap(value) for value in row] for row in rows]

    def get(self, kind: str, number: int) -> dict[str, Any]:
        thing = self._get(kind, number)
        may = thing.details.permissions
        return {
            "name": unwrap(getattr(thing, "name", None)),
            "owner": thing.details.owner.id.val,
            "group": thing.details.group.id.val,
            "permissions": str(may),
            "edit": may.canEdit(),
            "annotate": may.canAnnotate(),
            "link": may.canLink(),
            "delete": may.canDelete(),
        }

    def remember(self, kind: str, number: int) -> None:
        """Load an object, to be saved later."""
        self._seen[kind] = self._get(kind, number)

    def save_remembered(self, kind: str, name: str) -> None:
        self._seen[kind].name = rstring(name)
        self._save(self._seen[kind])

    def rename(self, kind: str, number: int, name: str) -> None:
        thing = self._get(kind, number)
        thing.name = rstring(name)
        self._save(thing)

    def create(self, kind: str, name: str | None, owner: int | None = None, group: int | None = None) -> int:
        thing = getattr(omero.model, f"{kind}I")()
        thing.name = None if name is None else rstring(name)
        if owner is not None:
            thing.details.owner = omero.model.ExperimenterI(owner, False)
        if group is not None:
            thing.details.group = omero.model.ExperimenterGroupI(group, False)
        return self._save(thing)

    def create_enumeration(self, value: str) -> int:
        thing = omero.model.FormatI()
        thing.value = rstring(value)
        return self._save(thing)

    def annotate(self, number: int) -> int:
        annotation = omero.model.CommentAnnotationI()
        annotation.textValue = rstring("seen")
        link = omero.model.ImageAnnotationLinkI()
        link.parent, link.child = omero.model.ImageI(number, False), annotation
        return self._save(link)

    def draw(self, number: int) -> int:
        roi = omero.model.RoiI()
        roi.image = omero.model.ImageI(number, False)
        shape = omero.model.RectangleI()
        shape.x = shape.y = shape.width = shape.height = rdouble(1)
        shape.theZ = rint(0)
        roi.addShape(shape)
        return self._save(roi)

    def link(self, kind: str, parent: int, child: int) -> int:
        link = getattr(omero.model, f"{_INTO[kind]}I")()
        link.parent = getattr(omero.model, f"{'Dataset' if kind == 'Image' else 'Project'}I")(parent, False)
        link.child = getattr(omero.model, f"{kind}I")(child, False)
        return self._save(link)

    def write_pixels(self, image: int) -> None:
        store = self._open_pixels(image)
        try:
            size = store.getPlaneSize()
            store.setPlane(bytes(size), 0, 0, 0)
            store.save()
        finally:
            store.close()

    def tile(self, image: int, place: list[int], level: int | None = None) -> str:
        """Read a tile (z, c, t, x, y, width, height)."""
        store = self._open_pixels(image)
        try:
            if level is not None:
                store.setResolutionLevel(level)
            return str(store.getTile(*place).hex())
        finally:
            store.close()

    def hypercube(self, image: int, offset: list[int], size: list[int], step: list[int]) -> str:
        store = self._open_pixels(image)
        try:
            return str(store.getHypercube(offset, size, step).hex())
        finally:
            store.close()

    def pyramid(self, image: int) -> dict[str, Any]:
        store = self._open_pixels(image)
        try:
            levels = [[d.sizeX, d.sizeY] for d in store.getResolutionDescriptions()]
            return {
                "needed": store.requiresPixelsPyramid(),
                "levels": levels,
                "level": store.getResolutionLevel(),
                "tile": list(store.getTileSize()),
                "bytes": store.getByteWidth(),
                "signed": store.isSigned(),
                "float": store.isFloat(),
            }
        finally:
            store.close()

    def create_file(self, name: str, text: str) -> int:
        file = omero.model.OriginalFileI()
        file.name, file.path = rstring(name), rstring("/")
        number = self._save(file)
        self.write_file(number, text)
        return number

    def write_file(self, number: int, text: str) -> None:
        store = self._session.createRawFileStore(self._context)
        try:
            store.setFileId(number, self._context)
            store.write(text.encode(), 0, len(text))
            store.save()
        finally:
            store.close()

    def read_file(self, number: int) -> str:
        store = self._session.createRawFileStore(self._context)
        try:
            store.setFileId(number, self._context)
            return str(store.read(0, store.size()).decode())
        finally:
            store.close()

    def delete(self, kind: str, number: int) -> dict[str, list[int]]:
        request = omero.cmd.Delete2(targetObjects={kind: [number]})
        return dict(self._submit(request).deletedObjects)

    def move(self, kind: str, number: int, group: int) -> dict[str, list[int]]:
        request = omero.cmd.Chgrp2(targetObjects={kind: [number]}, groupId=group)
        return dict(self._submit(request).includedObjects)

    def su(self, name: str, group: str | None = None, live_ms: int = 60000) -> str:
        principal = omero.sys.Principal(name=name, group=group, eventType="User")
        service = self._session.getSessionService()
        return str(service.createSessionWithTimeouts(principal, live_ms, 0, self._context).uuid.val)

    def own_session(self) -> str:
        return str(self._session.getSessionService().createUserSession(0, 60000, None).uuid.val)

    def create_group(self, name: str) -> int:
        group = omero.model.ExperimenterGroupI()
        group.name, group.ldap = rstring(name), omero.rtypes.rbool(False)
        return int(self._session.getAdminService().createGroup(group))

    def leave(self) -> None:
        self._client.killSession()

    def _open_pixels(self, image: int) -> Any:
        found = self._session.getContainerService().getImages("Image", [image], None, self._context)
        store = self._session.createRawPixelsStore(self._context)
        store.setPixelsId(found[0].getPrimaryPixels().id.val, False, self._context)
        return store

    @property
    def _context(self) -> dict[str, str]:
        return {**self._client.getImplicitContext().getContext(), **self._group}

    def _get(self, kind: str, number: int) -> Any:
        return self._session.getQueryService().get(kind, number, self._context)

    def _save(self, thing: Any) -> int:
        return int(self._session.getUpdateService().saveAndReturnObject(thing, self._context).id.val)

    def _submit(self, request: Any) -> Any:
        handle = self._session.submit(request, self._context)
        try:
            response = handle.getResponse()
        finally:
            handle.close()
        if isinstance(response, omero.cmd.ERR):
            raise RuntimeError(f"{response.name}: {response.parameters.get('message')}")  # noqa: TRY004
        return response


def main() -> None:
    """Answer until there are no more requests."""
    callers: dict[str, Caller] = {}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "login" in request:
                callers[request["as"]] = Caller(*request["login"])
                answer: Any = "welcome"
            else:
                answer = getattr(callers[request["as"]], request["do"])(*request["with"], **request["words"])
            said = {"answer": answer}
        except Exception as exc:  # noqa: BLE001 - the test sees what it was
            kind = type(exc)
            reason = getattr(exc, "message", None) or getattr(exc, "reason", None) or str(exc)
            said = {"error": [kind.__name__, reason]}
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
