"""Part of staging: files for the workflow's further inputs, from this machine and from OMERO."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from biomero.application.engine.context import StepContext
from biomero.application.omero_images import omero_for
from biomero.application.omero_request import InputFile
from biomero.application.ports.omero import OmeroReader, Progress
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.transfer import FileToSend
from biomero.domain.run_status import RunStatus
from biomero.errors import OmeroObjectError


def send_attached(context: StepContext, workspace: Path) -> None:
    """Send what was attached, each input's files into a folder of its own; doing it again changes nothing.

    Files of OMERO are brought here one by one, and removed when they have gone.

    Parameters
    ----------
    workspace
        A local folder that is the caller's to remove.

    Raises
    ------
    OmeroObjectError
        If a file of OMERO is gone, or is another one than it was when the run was asked for.
    """
    transfer, folder = context.cluster.transfer, context.folder.attachments
    for name, paths in context.request.attachments.items():
        files = [FileToSend(path=p, name=p.name) for given in paths for p in _files_of(given)]
        transfer.upload(files, f"{folder}/{name}")
    omero = context.request.omero
    if omero is None or not omero.files:
        return
    with omero_for(omero.server, context.services).reader(omero.user) as reader:
        for name, wanted in omero.files.items():
            transfer.upload(_brought(context, reader, wanted, workspace), f"{folder}/{name}")


def _files_of(path: Path) -> list[Path]:
    """Return a file as it is, and of a folder what lies in it; an OME-Zarr folder is one thing."""
    if path.is_dir() and path.suffix.lower() != ".zarr":
        return sorted(path.iterdir())
    return [path]


def _brought(
    context: StepContext, reader: OmeroReader, files: Sequence[InputFile], workspace: Path
) -> Iterator[FileToSend]:
    """Yield each file when it is here; remove it when the next one is asked for."""
    for wanted in files:
        context.check_wishes()
        (file,) = reader.files([wanted.file.id])
        if (file.size, file.hash) != (wanted.file.size, wanted.file.hash):
            raise OmeroObjectError(f"{wanted.file} has changed since the run was asked for: ask for it anew")
        path = workspace / wanted.name
        reader.download(file, path, progress=_shown(context, wanted))
        yield FileToSend(path=path, name=wanted.name)
        path.unlink(missing_ok=True)


def _shown(context: StepContext, file: InputFile) -> Progress:
    def show(done: int, total: int) -> None:
        context.check_wishes()
        message = f"bringing {file.name}"
        context.listener.show(
            RunUpdate(status=RunStatus.STAGING, message=message, done=done, total=total, unit="bytes")
        )

    return show
