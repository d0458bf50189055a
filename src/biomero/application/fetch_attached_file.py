"""Use case: bring an attached file of OMERO here, as a user who may read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.application.omero_images import omero_for
from biomero.application.ports.omero import Progress
from biomero.application.services import Services
from biomero.domain.input_files import name_files, why_not_taken
from biomero.domain.omero import OmeroFile
from biomero.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """An attached file, and where its content is now."""

    file: OmeroFile
    path: Path


def fetch_attached_file(
    annotation_id: int,
    folder: Path,
    services: Services,
    *,
    user: str,
    formats: Sequence[str] = (),
    field: str = "",
    progress: Progress | None = None,
) -> FetchedFile:
    """Download the file of a file annotation into a folder, under its own name made safe.

    Doing it again after a crash downloads it again; a file that is not whole never stands there.

    Parameters
    ----------
    user
        Who reads, by the name that they log in with.
    formats
        Which formats are taken; any if empty.
    field
        What the file was given in, for messages.

    Raises
    ------
    InputError
        If it is of another format; nothing is downloaded then.
    OmeroObjectError
        If there is no such annotation, it is no file's, or the user may not see it.
    TransferError
        If it did not come whole, or cannot be written here.
    OmeroError
        If OMERO does not answer, or does not know the user.
    ConfigurationError
        If no OMERO is configured.
    """
    with omero_for(None, services).reader(user) as reader:
        (file,) = reader.files([annotation_id])
        problem = why_not_taken(file, formats)
        if problem:
            raise InputError(f"{field}: {problem}" if field else problem)
        path = folder / name_files([file])[0]
        reader.download(file, path, progress=progress)
    return FetchedFile(file=file, path=path)
