"""What makes plates of the images that were sent, for workflows that read plates."""

from __future__ import annotations

from pathlib import Path

from biomero.application.engine.context import StepContext
from biomero.application.ports.transfer import FileToSend
from biomero.domain.plates import SUFFIX, FieldPath, split_staged


def has_plates(context: StepContext) -> bool:
    """Say whether images of the round are of plates."""
    return any(image.staged_as for image in context.asked)


def send_plates(context: StepContext, folder: Path, below: str) -> None:
    """Send the metadata of plates and wells, of those images that are there; doing it again changes nothing.

    A plate whose images are in several batches is a plate in each, with the wells that are there.

    Parameters
    ----------
    folder
        A local folder for what is on its way.
    below
        Where images go in the run's folder.
    """
    places = context.places()
    fields: dict[tuple[str, str], list[FieldPath]] = {}
    for image in context.good_images:
        if (found := split_staged(image.staged_name)) is not None:
            plate, field = found
            fields.setdefault((places[image.index], plate), []).append(field)
    files = []
    for number, ((place, plate), there) in enumerate(fields.items()):
        path = folder / f"plate-{number}"
        version = context.request.zarr_version
        context.services.stores.write(path, name=plate, fields=there, version=version)
        files.append(FileToSend(path=path, name=f"{below}/{place}{plate}{SUFFIX}"))
    if files:
        context.cluster.transfer.upload(files, context.folder.base)
