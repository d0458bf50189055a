"""Attached files of OMERO for a workflow's inputs: checked as the user, before anything is sent anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.application.omero_request import InputFile
from biomero.application.ports.omero import OmeroReader
from biomero.domain.descriptor import WorkflowDescriptor
from biomero.domain.input_files import name_files, why_not_taken
from biomero.domain.omero import OmeroGroup
from biomero.domain.parameters import nearest
from biomero.errors import InputError, OmeroObjectError


def check_inputs(
    descriptor: WorkflowDescriptor, wanted: Mapping[str, Sequence[int]], *, local: Mapping[str, object]
) -> None:
    """Check what can be known without OMERO.

    Parameters
    ----------
    wanted
        Ids of file annotations, by the input's id.
    local
        Inputs that get files of this machine.

    Raises
    ------
    InputError
        If an input takes no attached files, or not as many; the message names it.
    """
    inputs = {p.id: p for p in descriptor.attachable_inputs}
    for name, ids in wanted.items():
        if name not in inputs:
            known = nearest(name, list(inputs))
            raise InputError(f"input '{name}': {descriptor.name} takes no attached files there; {known}")
        if not ids:
            raise InputError(f"input '{name}': no file was given")
        if name in local:
            raise InputError(f"input '{name}': give files of this machine or of OMERO, not both")
        if len(set(ids)) > 1 and not inputs[name].is_folder:
            raise InputError(f"input '{name}': {descriptor.name} takes one file there, not {len(set(ids))}")


def choose_omero_files(
    descriptor: WorkflowDescriptor,
    wanted: Mapping[str, Sequence[int]],
    reader: OmeroReader,
    group: OmeroGroup,
) -> Mapping[str, tuple[InputFile, ...]]:
    """Look at every file; each is named once for an input, however often it was given.

    Parameters
    ----------
    group
        That of the images.

    Raises
    ------
    OmeroObjectError
        If there is no such annotation, it is no file's, or the user may not see it.
    InputError
        If a file is in another group than the images, or of a format that its input does not take.
    """
    formats = {p.id: p.formats for p in descriptor.inputs}
    chosen = {}
    for name, ids in wanted.items():
        try:
            files = reader.files(list(dict.fromkeys(ids)))
        except OmeroObjectError as exc:
            raise OmeroObjectError(f"input '{name}': {exc}") from exc
        for file in files:
            if file.group_id != group.id:
                raise InputError(
                    f"input '{name}': {file} is in another group than the images, which are in {group.name}; "
                    "attach the file to something there"
                )
            problem = why_not_taken(file, formats[name])
            if problem:
                raise InputError(f"input '{name}': {problem}")
        chosen[name] = tuple(
            InputFile(file=file, name=called) for file, called in zip(files, name_files(files), strict=True)
        )
    return chosen
