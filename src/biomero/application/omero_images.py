"""Images of a run, whether they are files or in OMERO."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from biomero.application.omero_request import OmeroRequest
from biomero.application.ports.image_source import ImageSource, OpenImage
from biomero.application.ports.omero import Omero, OmeroReader, OmeroWriter
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.omero import OmeroUser, image_id_of
from biomero.errors import ConfigurationError, OmeroPermissionError


@dataclass(frozen=True, slots=True)
class OmeroImages:
    """Opens what has an address in OMERO there, and all else as files; see `ImageSource`."""

    reader: OmeroReader
    files: ImageSource

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`."""
        return self.files.images_in(path) if image_id_of(os.fspath(path)) is None else 1

    def open(self, path: Path, *, index: int = 0) -> OpenImage:
        """See `ImageSource.open`; also raises what `OmeroReader.open` does."""
        image_id = image_id_of(os.fspath(path))
        return self.files.open(path, index=index) if image_id is None else self.reader.open(image_id)


@contextmanager
def images_of(request: RunRequest, services: Services) -> Iterator[ImageSource]:
    """Open what reads the images of a run, as the user whose they are.

    Raises
    ------
    ConfigurationError
        If they are in an OMERO that this machine does not know.
    OmeroError
        If OMERO does not answer, or does not let us in.
    """
    if request.omero is None:
        yield services.images
        return
    with reading_for(request.omero, services) as reader:
        yield OmeroImages(reader, services.images)


@contextmanager
def reading_for(request: OmeroRequest, services: Services) -> Iterator[OmeroReader]:
    """Read as the user of a run.

    Raises
    ------
    OmeroPermissionError
        If the name that they log in with is somebody else's by now.
    ConfigurationError, OmeroError
        As `omero_for` and `Omero.reader`.
    """
    with omero_for(request.server, services).reader(request.user) as reader:
        _require_same(reader.user, request)
        yield reader


@contextmanager
def writing_for(request: OmeroRequest, services: Services) -> Iterator[OmeroWriter]:
    """Write as the user of a run, in the group of its images.

    Raises
    ------
    OmeroPermissionError
        As `reading_for` and `Omero.writer`.
    ConfigurationError, OmeroError
        As `omero_for` and `Omero.writer`.
    """
    with omero_for(request.server, services).writer(request.user, group_id=request.group_id) as writer:
        _require_same(writer.user, request)
        yield writer


def _require_same(user: OmeroUser, request: OmeroRequest) -> None:
    if user.id != request.user_id:
        raise OmeroPermissionError(
            f"{request.user} is another user at {request.server} by now: the run was of the user "
            f"{request.user_id}"
        )


def omero_for(server: str | None, services: Services) -> Omero:
    """Return the OMERO that a run belongs to, or the one that there is.

    Raises
    ------
    ConfigurationError
        If there is none, or another one.
    """
    if services.omero is None:
        raise ConfigurationError("no OMERO is configured: [OMERO] needs host, user and password_file")
    if server is not None and services.omero.address != server:
        raise ConfigurationError(
            f"the run's images are in the OMERO at {server}, and [OMERO] says {services.omero.address}"
        )
    return services.omero
