"""Whether results can be brought back to images."""

from __future__ import annotations

from collections.abc import Sequence

from biomero.adapters.omero.queries import Questions
from biomero.adapters.omero.session import OmeroSession
from biomero.domain.omero import OmeroImage

_IMAGES = "select i from Image i where i.id in (:ids)"
_GROUPS = "select g from ExperimenterGroup g where g.id in (:ids)"


def what_keeps_results_away(
    questions: Questions, session: OmeroSession, images: Sequence[OmeroImage]
) -> list[str]:
    """Return a sentence for each group that nothing can be made in, and each image without annotations."""
    user = session.user.name
    now = {int(i.id.val): i for i in questions.objects_of(_IMAGES, [image.id for image in images])}
    groups = {
        int(g.id.val): f"{g.name.val} ({g.details.permissions})"
        for g in questions.objects_of(_GROUPS, sorted({image.group_id for image in images}))
    }
    said = [
        f"{user} is no member of the group {name}, so that nothing can be made there"
        for number, name in groups.items()
        if number not in session.member_of and not session.is_admin
    ]
    for image in images:
        called = f"Image:{image.id} ({image.name})"
        if image.id not in now:
            said.append(f"{called} does not exist any more, or {user} may not see it")
        elif not now[image.id].details.permissions.canAnnotate():
            group = groups.get(image.group_id, str(image.group_id))
            said.append(
                f"{user} may not annotate {called}: it belongs to another user, and the group {group} "
                "does not allow it"
            )
    return said
