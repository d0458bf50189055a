"""What an OMERO server in memory holds, and who may do what with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from biomero.application.ports.omero import OutputKey
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.errors import OmeroObjectError, OmeroPermissionError
from biomero.testing.images import ArrayImage

_SHARED = (GroupAccess.READ_ONLY, GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE)
_OPEN = (GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE)


@dataclass
class Thing:
    """An object.

    Parameters
    ----------
    also_in
        What it is in besides its parent.
    targets
        What it is linked to, for annotations; the image, for ROIs.
    content
        Bytes of a file, pairs of a map annotation, columns of a table; of a ROI its object, and a mask of its
        pixels, axes (z, y, x).
    """

    kind: OmeroKind
    owner: int
    group: int
    name: str = ""
    description: str = ""
    parent: OmeroRef | None = None
    also_in: tuple[OmeroRef, ...] = ()
    place: tuple[int, int] | None = None
    pixels: ArrayImage | None = None
    key: OutputKey | None = None
    targets: list[OmeroRef] = field(default_factory=list)
    content: Any = None


@dataclass
class Store:
    """Everything that an OMERO server holds."""

    users: dict[str, OmeroUser] = field(default_factory=dict)
    groups: dict[int, OmeroGroup] = field(default_factory=dict)
    members: set[tuple[int, int]] = field(default_factory=set)
    things: dict[OmeroRef, Thing] = field(default_factory=dict)
    last_id: int = 100

    def new_id(self) -> int:
        """Return an id that nothing has."""
        self.last_id += 1
        return self.last_id

    def add(self, thing: Thing) -> OmeroRef:
        """Keep an object."""
        ref = OmeroRef(thing.kind, self.new_id())
        self.things[ref] = thing
        return ref

    def may_read(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user sees an object."""
        thing = self.things[ref]
        is_member = (user.id, thing.group) in self.members
        return is_member and (thing.owner == user.id or self.groups[thing.group].access in _SHARED)

    def may_annotate(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user may link annotations to an object."""
        thing = self.things.get(ref)
        if thing is None or not self.may_read(user, ref):
            return False
        return thing.owner == user.id or self.groups[thing.group].access in _OPEN

    def may_change(self, user: OmeroUser, ref: OmeroRef) -> bool:
        """Whether a user may put others into a container."""
        thing = self.things[ref]
        return thing.owner == user.id or self.groups[thing.group].access is GroupAccess.READ_WRITE

    def of(self, kind: OmeroKind) -> dict[OmeroRef, Thing]:
        """Return all objects of a kind."""
        return {ref: thing for ref, thing in self.things.items() if ref.kind is kind}

    def require(
        self, refs: Iterable[OmeroRef], user: OmeroUser, group: OmeroGroup, *, to_link: bool = False
    ) -> None:
        """Make sure that a user who works in a group may annotate objects, or put something into them.

        Raises
        ------
        OmeroObjectError
            If there is no such object, or the user may not see it.
        OmeroPermissionError
            If the user may not do it, or the object is in another group.
        """
        for ref in refs:
            if ref not in self.things or not self.may_read(user, ref):
                raise OmeroObjectError(f"there is no {ref}, or {user.name} may not see it")
            if self.things[ref].group != group.id:
                raise OmeroPermissionError(f"{ref} is in another group than {group.name}")
            if not self.may_annotate(user, ref):
                raise OmeroPermissionError(
                    f"{user.name} may not annotate {ref} in the group {group.name}, which is "
                    f"{group.access.words}"
                )
            if to_link and not self.may_change(user, ref):
                raise OmeroPermissionError(f"{user.name} may not put anything into {ref}")
