"""Part of staging: files for the workflow's further inputs, from this machine and from OMERO."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from biomero.application.engine.context import RunFolder, StepContext
from biomero.application.omero_images import reading_for
from biomero.application.omero_request import InputFile
from biomero.application.ports.omero import OmeroReader, Progress
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.transfer import FileToSend
from biomero.domain.run_status import RunStatus
from biomero.errors import OmeroObjectError


def has_attached(context: StepContext) -> bool:
    """Say whether anything was attached."""
    omero = context.request.omero
    return bool(context.request.attachments or (omero is not None and omero.files))


def send_attached(context: StepContext, workspace: Path, *, below: RunFolder | None = None) -> None:
    """Send what was attached, each input's files into a folder of its own; doing it again changes nothing.

    Files of OMERO are brought here one by one, and removed when they have gone. What was half sent when a
    worker died lies beside the inputs' folders, and not in them, where the workflow would take it for a file.

    Parameters
    ----------
    workspace
        A local folder that is the caller's to remove.
    below
        The folder of the run beside whose images the files go; without it they are inputs of this run.

    Raises
    ------
    OmeroObjectError
        If a file of OMERO is gone, or is another one than it was when the run was asked for.
    """
    transfer = context.cluster.transfer
    folder = context.folder.attachments if below is None else below.base
    lead = "" if below is None else f"{below.input.removeprefix(f'{below.base}/')}/"
    for name, paths in context.request.attachments.items():
        files = [FileToSend(path=p, name=f"{name}/{p.name}") for given in paths for p in _files_of(given)]
        transfer.upload(files, folder if files else f"{folder}/{name}")  # an empty folder is one, too
    omero = context.request.omero
    if omero is None or not omero.files:
        return
    with reading_for(omero, context.services) as reader:
        wanted = {f"{lead}{name}": files for name, files in omero.files.items()}
        transfer.upload(_brought(context, reader, wanted, workspace), folder)


def _files_of(path: Path) -> list[Path]:
    """Return a file as it is, and of a folder what lies in it; an OME-Zarr folder is one thing."""
    if path.is_dir() and path.suffix.lower() != ".zarr":
        return sorted(path.iterdir())
    return [path]


def _brought(
    context: StepContext, reader: OmeroReader, files: Mapping[str, Sequence[InputFile]], workspace: Path
) -> Iterator[FileToSend]:
    """Yield each file when it is here; remove it when the next one is asked for."""
    for name, wanted in ((name, one) for name, several in files.items() for one in several):
        context.check_wishes()
        (file,) = reader.files([wanted.file.id])
        if (file.size, file.hash) != (wanted.file.size, wanted.file.hash):
            raise OmeroObjectError(f"{wanted.file} has changed since the run was asked for: ask for it anew")
        path = workspace / wanted.name
        reader.download(file, path, progress=_shown(context, wanted))
        yield FileToSend(path=path, name=f"{name}/{wanted.name}")
        path.unlink(missing_ok=True)


def _shown(context: StepContext, file: InputFile) -> Progress:
    def show(done: int, total: int) -> None:
        context.check_wishes()
        message = f"bringing {file.name}"
        context.listener.show(
            RunUpdate(status=RunStatus.STAGING, message=message, done=done, total=total, unit="bytes")
        )

    return show
