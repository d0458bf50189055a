"""An image's original file in OMERO's managed repository, where that is mounted here."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from biomero.adapters.omero.pixels_metadata import PixelsDescription
from biomero.adapters.omero.queries import Questions
from biomero.application.described_image import DescribedImage
from biomero.application.ports.image_source import ImageSource, OpenImage
from biomero.domain.imaging import AXES, ImageMetadata
from biomero.errors import BiomeroError, OmeroLoginError

_log = logging.getLogger(__name__)

_FILES = (
    "select e.id, f.path, f.name from FilesetEntry e join e.originalFile f "
    "where e.fileset.id = (select i.fileset.id from Image i where i.id = :id) and e.id > :after order by e.id"
)
_SAMPLE = 256
"""Side of the squares by which a file is recognised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalFiles:
    """Opens original files instead of asking OMERO for pixels.

    Nothing is opened that OMERO has not let the user see before, and nothing outside of the repository: not
    by ``..`` in a path and not by a link, unless the link leads to where images are imported in place. A file
    counts as the image if it has its sizes and its pixel type, and if its pixels are those that OMERO sends
    for a few places. An image that is blank in all of them is read over Ice, if the file has others.

    Parameters
    ----------
    repository
        The managed repository as it is mounted here.
    in_place
        Folders that links in the repository may lead to.
    files
        Reads images in files.
    """

    repository: Path
    files: ImageSource
    in_place: tuple[Path, ...] = ()

    def open(self, questions: Questions, described: PixelsDescription, pixels: OpenImage) -> OpenImage | None:
        """Return the image as it lies in the repository; ``None`` if it is not to be had so.

        Parameters
        ----------
        pixels
            The image as OMERO sends it.
        """
        entries = questions.paged_rows(_FILES, id=described.image_id)
        first = next(iter(entries), None)  # the one that was imported; others are read along with it
        path = self._inside(str(first[1]), str(first[2])) if first is not None else None
        if path is None:
            return None
        try:
            return self._verified(path, described, pixels)
        except BiomeroError as exc:
            if exc.transient or isinstance(exc, OmeroLoginError):  # which says nothing of the file
                raise
            _log.info("Image:%s is read over Ice: %s", described.image_id, exc)
            return None

    def _inside(self, folder: str, name: str) -> Path | None:
        root = self.repository.resolve()
        relative = PurePosixPath(folder.lstrip("/")) / name
        try:
            found = root.joinpath(relative).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):  # gone, a null byte in it, links in a ring
            return None
        # by its links alone a path may leave the repository: one that goes up in OMERO's record is no import
        elsewhere = () if ".." in relative.parts else tuple(place.resolve() for place in self.in_place)
        allowed = next((place for place in (root, *elsewhere) if found.is_relative_to(place)), None)
        if allowed is None:
            _log.warning("%s leads out of OMERO's repository %s and is not read", relative, root)
            return None
        store = next(
            (one for one in found.parents if one.suffix == ".zarr" and one.is_relative_to(allowed)), None
        )
        return store or found

    def _verified(self, path: Path, described: PixelsDescription, pixels: OpenImage) -> OpenImage | None:
        count = self.files.images_in(path)
        if described.series >= count:
            return None
        with ExitStack() as stack:
            image = stack.enter_context(self.files.open(path, index=described.series))
            if _agree(image.metadata, described.metadata) and _look_alike(image, pixels, is_alone=count == 1):
                stack.pop_all()
                return DescribedImage(image, described.metadata)
        _log.info("Image:%s is read over Ice: %s is another image", described.image_id, path)
        return None


def _agree(file: ImageMetadata, omero: ImageMetadata) -> bool:
    return file.dtype == omero.dtype and all(file.size(axis) == omero.size(axis) for axis in AXES)


def _look_alike(file: OpenImage, omero: OpenImage, *, is_alone: bool) -> bool:
    """Say whether two images of one shape have the same pixels in a few places.

    Parameters
    ----------
    is_alone
        Whether the file has no other image. Where it has, places that are all blank prove nothing.
    """
    values: set[Any] = set()
    for t, c, z, y, x in _places(omero.metadata):
        pixels = omero.read(t=t, c=c, z=z, y=y, x=x)
        if not np.array_equal(file.read(t=t, c=c, z=z, y=y, x=x), pixels):
            return False
        values |= {pixels.min(), pixels.max()}
    return is_alone or len(values) > 1


def _places(metadata: ImageMetadata) -> Iterator[tuple[int, int, int, slice, slice]]:
    """Yield the middle of the first and the last plane along each axis, and other squares among these planes.

    A plane is cut into nine: in one plane each ninth is looked at, and of several each has some of them.
    """
    planes = list(product(*(sorted({0, metadata.size(axis) - 1}) for axis in "tcz")))
    down, across = (_squares(size) for size in metadata.shape[-2:])
    middle = down[1], across[1]
    others = [place for place in product(down, across) if place != middle]
    for number, (t, c, z) in enumerate(planes):
        for y, x in dict.fromkeys([middle, *others[number :: len(planes)]]):
            yield t, c, z, slice(*y), slice(*x)


def _squares(size: int) -> list[tuple[int, int]]:
    """Return where the squares in the middle of each third of a side begin and end."""
    starts = [max(0, min(size - _SAMPLE, size * sixth // 6 - _SAMPLE // 2)) for sixth in (1, 3, 5)]
    return [(start, min(size, start + _SAMPLE)) for start in starts]
