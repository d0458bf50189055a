"""What results are linked to: it must be there, in our group, and the user must be allowed to link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from biomero.adapters.omero.keyed import completed
from biomero.adapters.omero.writer_session import WritingSession, describe
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef
from biomero.domain.omero_targets import OmeroContainer
from biomero.errors import OmeroObjectError, OmeroPermissionError, UsageError

_ANNOTATABLE = (
    OmeroKind.PROJECT,
    OmeroKind.DATASET,
    OmeroKind.SCREEN,
    OmeroKind.PLATE,
    OmeroKind.WELL,
    OmeroKind.IMAGE,
    OmeroKind.ROI,
)


def require_annotatable(session: WritingSession, targets: Iterable[OmeroRef]) -> None:
    """Refuse targets that the user may not annotate, before anything is made.

    Raises
    ------
    OmeroObjectError
        If one does not exist or may not be seen.
    OmeroPermissionError
        If one is in another group or may not be annotated.
    """
    for ref, found in _found(session, targets):
        if not found.details.permissions.canAnnotate():
            raise OmeroPermissionError(_refusal(session, ref, "annotate", _annotating_helps(session.group)))


def require_linkable(session: WritingSession, container: OmeroRef) -> None:
    """Refuse a container that the user may not put anything into.

    Raises
    ------
    OmeroObjectError
        If it does not exist or may not be seen.
    OmeroPermissionError
        If it is in another group or may not be linked to.
    """
    for ref, found in _found(session, [container]):
        if not found.details.permissions.canLink():
            helps = "its owner can do it, or a group that is read-write lets all members"
            raise OmeroPermissionError(_refusal(session, ref, "put anything into", helps))


def named(session: WritingSession, kind: OmeroKind, name: str) -> list[int]:
    """See `OmeroWriter.named`."""
    query = (
        f"select o.id, o.name from {kind.value} o "  # noqa: S608 - made of constants
        "where o.name = :name and o.details.owner.id = :owner order by o.id"
    )
    return [number for number, _ in session.rows(query, name=name, owner=session.user.id)]


def projects_of(session: WritingSession, datasets: Sequence[int]) -> list[OmeroContainer]:
    """See `OmeroWriter.projects_of`."""
    query = "select p from ProjectDatasetLink l join l.parent p where l.child.id in (:ids)"
    found = {int(one.id.val): one for one in session.objects(query, ids=datasets)}
    return [
        OmeroContainer(
            ref=OmeroRef(OmeroKind.PROJECT, number),
            name=one.name.val,
            can_link=bool(one.details.permissions.canLink()),
        )
        for number, one in sorted(found.items())
    ]


def attach(session: WritingSession, annotation: Any, key: int, targets: Sequence[OmeroRef]) -> None:
    """Link an annotation to all targets and say that it is complete, in one transaction.

    Parameters
    ----------
    annotation
        An unloaded annotation.
    key
        The id of its key.
    """
    import omero.model

    links = []
    for target in targets:
        link = getattr(omero.model, f"{target.kind.value}AnnotationLinkI")()
        link.parent = getattr(omero.model, f"{target.kind.value}I")(target.id, False)  # noqa: FBT003
        link.child = annotation
        links.append(link)
    session.save_all([*links, completed(session, key)])


def _found(session: WritingSession, targets: Iterable[OmeroRef]) -> Iterable[tuple[OmeroRef, Any]]:
    ids: dict[OmeroKind, list[int]] = defaultdict(list)
    for target in targets:
        if target.kind not in _ANNOTATABLE:
            raise UsageError(f"nothing is attached to {target}")
        ids[target.kind].append(target.id)
    for kind, of_kind in ids.items():
        query = f"select o from {kind.value} o where o.id in (:ids)"  # noqa: S608 - made of constants
        found = {obj.id.val: obj for obj in session.objects(query, ids=of_kind)}
        for one in of_kind:
            ref = OmeroRef(kind, one)
            if one not in found:
                _refuse_missing(session, ref)
            yield ref, found[one]


def _refuse_missing(session: WritingSession, ref: OmeroRef) -> NoReturn:
    query = f"select o.details.group.name from {ref.kind.value} o where o.id = :id"  # noqa: S608 - as above
    elsewhere = session.rows(query, all_groups=True, id=ref.id)
    where, who = describe(session.group), session.user.name
    if elsewhere:
        its = elsewhere[0][0]
        raise OmeroPermissionError(f"{ref} is in the group {its}, and nothing can be linked to it in {where}")
    raise OmeroObjectError(f"there is no {ref} in {where}, or {who} may not see it")


def _refusal(session: WritingSession, ref: OmeroRef, what: str, helps: str) -> str:
    where = describe(session.group)
    return f"{session.user.name} may not {what} {ref}: it belongs to another user, in {where}; {helps}"


def _annotating_helps(group: OmeroGroup) -> str:
    if group.access is GroupAccess.READ_ONLY:
        return "the image's owner can run this, or an owner of the group can make it read-annotate"
    return "its owner can do it"
