"""Which images of OMERO a run can be repeated with, and what of them has changed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.application.choose_omero_images import check_writable
from biomero.application.described_image import DescribedImage
from biomero.application.hash_source import hash_source
from biomero.application.omero_images import omero_for
from biomero.application.omero_places import settle_places
from biomero.application.omero_request import InputFile, OmeroRequest
from biomero.application.ports.omero import OmeroReader
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.services import Services
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef, OmeroSelection
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ImageReadError, InputError, NotRepeatableError, OmeroObjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class OmeroImagesAgain:
    """The images of a run that are still there, and a sentence for each that is not what it was.

    Parameters
    ----------
    images
        With the names that they had in the run, so that results are called alike.
    """

    request: OmeroRequest
    images: tuple[RequestedImage, ...]
    changes: tuple[str, ...]


def omero_images_again(
    run: WorkflowRun, request: RunRequest, before: OmeroRequest, services: Services
) -> OmeroImagesAgain:
    """Look at the images of a run again, as the user whose run it was.

    Images are the same if id, name and group are, and if the OME-Zarr made of them is: that is made once
    more, one image at a time, for each that the record has a hash of. It holds the pixels, and of the
    metadata sizes, names, colours and windows. Large images are laid out in it as they were read, so that
    those read as original file once and over Ice the other time may count as changed.

    Raises
    ------
    NotRepeatableError
        If the user is somebody else by now, or an attached file is gone.
    InputError
        If no image is left, or results cannot go where they shall (`settle_places`).
    OmeroObjectError
        If the place that the results shall go to is gone.
    OmeroPermissionError
        If the user may not make there any more what the run made.
    OmeroError, ConfigurationError
        As `omero_for` and `Omero.reader`.
    """
    omero = omero_for(before.server, services)
    with omero.reader(before.user) as reader:
        if reader.user.id != before.user_id:
            raise NotRepeatableError(
                f"{before.user} is another user at {before.server} by now: the run was of "
                f"the user {before.user_id}"
            )
        selections = list(_find(reader, before.images))
        changes, there = _compare(before, selections)
        if not there:
            raise InputError(f"none of the run's images can be taken again: {'; '.join(changes)}")
        content = _Content(run=run, request=request, before=before, reader=reader, services=services)
        changes += content.changes(there)
        files, file_changes = _files_again(reader, before)
        changes += file_changes
    group = next(one.group for one in selections if one.group.id == there[0].group_id)
    if before.wishes:
        selection = OmeroSelection(images=tuple(there), group=group)
        check_writable(omero.check_writable(before.user, selection.images), selection)
    wishes = settle_places(before.wishes, omero, user=before.user, group=group, images=there)
    ids = {image.id for image in there}
    kept = [named for named, image in zip(request.images, before.images, strict=True) if image.id in ids]
    return OmeroImagesAgain(
        request=dataclasses.replace(
            before,
            group_id=group.id,
            group_name=group.name,
            images=tuple(there),
            wishes=wishes,
            files=files,
        ),
        images=tuple(dataclasses.replace(image, index=index) for index, image in enumerate(kept)),
        changes=tuple(changes),
    )


def _find(reader: OmeroReader, images: Sequence[OmeroImage]) -> Iterator[OmeroSelection]:
    """Yield what there is of images: all at once, or one by one where some are gone or in other groups."""
    refs = [OmeroRef(OmeroKind.IMAGE, image.id) for image in images]
    try:
        yield reader.select(refs)
    except (OmeroObjectError, InputError):
        for ref in refs:
            try:
                yield reader.select([ref])
            except (OmeroObjectError, InputError):
                continue


def _files_again(
    reader: OmeroReader, before: OmeroRequest
) -> tuple[dict[str, tuple[InputFile, ...]], list[str]]:
    """Return the files that were attached as they are now, and a sentence for each that has changed."""
    files: dict[str, tuple[InputFile, ...]] = {}
    changes = []
    for name, several in before.files.items():
        again = []
        for one in several:
            try:
                (now,) = reader.files([one.file.id])
            except OmeroObjectError as exc:
                raise NotRepeatableError(f"{one.file} cannot be attached again: {exc}") from exc
            if (now.size, now.hash) != (one.file.size, one.file.hash):
                changes.append(f"{one.file} ({one.name}) has changed")
            again.append(dataclasses.replace(one, file=now))
        files[name] = tuple(again)
    return files, changes


def _compare(
    before: OmeroRequest, selections: Sequence[OmeroSelection]
) -> tuple[list[str], list[OmeroImage]]:
    """Return what has changed, and the images that a run can have, all of them of one group."""
    now = {image.id: image for selection in selections for image in selection.images}
    groups = {selection.group.id: selection.group for selection in selections}
    changes, there = [], []
    for image in before.images:
        found, called = now.get(image.id), f"Image:{image.id} ({image.name})"
        if found is None:
            changes.append(f"{called} is gone, or {before.user} may not see it any more")
            continue
        if found.group_id != before.group_id:
            changes.append(f"{called} was moved to the group {groups[found.group_id].name}")
        if found.name != image.name:
            changes.append(f"{called} is called {found.name} now")
        there.append(found)
    counts = Counter(image.group_id for image in there)
    home = before.group_id
    if home not in counts and counts:
        home = counts.most_common(1)[0][0]
    return changes, [image for image in there if image.group_id == home]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """Makes the OME-Zarr of images once more, to compare them with those of the run."""

    run: WorkflowRun
    request: RunRequest
    before: OmeroRequest
    reader: OmeroReader
    services: Services

    def changes(self, there: Sequence[OmeroImage]) -> list[str]:
        """Return a sentence for each image of which another one is made."""
        hashes = {self.before.images[index].id: digest for index, digest in self.run.image_hashes.items()}
        names = {image.id: image.name for image in self.before.images}
        changes = []
        for image in there:
            called = f"Image:{image.id} ({names[image.id]})"
            try:
                is_same = image.id not in hashes or self._hash(image, names[image.id]) == hashes[image.id]
            except (ImageReadError, OmeroObjectError) as exc:
                changes.append(f"{called} cannot be read any more: {exc}")
            else:
                if not is_same:
                    changes.append(f"{called} has changed: its pixels, sizes or channels, or how it is read")
        return changes

    def _hash(self, image: OmeroImage, name: str) -> str:
        state = self.services.settings.state_folder
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = PyramidSettings(version=self.request.zarr_version)
        with tempfile.TemporaryDirectory(prefix="rerun-", dir=state) as folder:
            path = Path(folder) / "image.ome.zarr"
            with self.reader.open(image.id) as opened:
                # the name alone makes no other pixels
                named = DescribedImage(opened, dataclasses.replace(opened.metadata, name=name))
                self.services.pyramids.write(opened if image.name == name else named, path, settings)
            return hash_source(path)
