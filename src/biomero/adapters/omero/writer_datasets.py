"""Datasets."""

from __future__ import annotations

from collections.abc import Sequence

from biomero.adapters.omero.keyed import COMPLETE, discard, find_key, new_key, object_of
from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.omero import OutputKey
from biomero.domain.omero import OmeroKind, OmeroRef


def put_dataset(
    session: WritingSession, key: OutputKey, *, name: str, description: str, projects: Sequence[int]
) -> OmeroRef:
    """See `OmeroWriter.put_dataset`; the projects are some that the user may link to.

    Dataset, key and the links to projects are one transaction: all of it is there, or nothing.
    """
    import omero.model
    from omero.rtypes import rstring

    if (found := find_key(session, key)) is not None:
        if (there := object_of(session, found, "DatasetAnnotationLink")) is not None:
            return OmeroRef(OmeroKind.DATASET, there)
        discard(session, found)
    dataset = omero.model.DatasetI()
    dataset.name, dataset.description = rstring(name), rstring(description)
    dataset.linkAnnotation(new_key(key, state=COMPLETE))
    for project in projects:
        dataset.linkProject(omero.model.ProjectI(project, False))  # noqa: FBT003 - omero-py's own
    return OmeroRef(OmeroKind.DATASET, session.save(dataset).id.val)
