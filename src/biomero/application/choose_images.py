"""Use case: turn the files that a user named into the images of a run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.application.ports.image_source import ImageSource
from biomero.application.run_request import RequestedImage
from biomero.domain.selection import safe_name, stem
from biomero.errors import ImageReadError, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenImages:
    """The images of a run, and what is wrong with those that cannot be read."""

    images: tuple[RequestedImage, ...]
    unreadable: dict[int, ImageReadError]


def choose_images(paths: Sequence[Path], source: ImageSource, *, stop_on_error: bool = False) -> ChosenImages:
    """Look at every file before anything is sent anywhere.

    A file with several images (scenes, series) gives one image for each. A file that was named twice
    counts once.

    Raises
    ------
    InputError
        If there is nothing to do, a file is missing or of the wrong kind, two images would have one
        name, or no image at all can be read.
    ImageReadError
        If `stop_on_error` and an image cannot be read.
    """
    if not paths:
        raise InputError("no image was named")
    images: list[RequestedImage] = []
    unreadable: dict[int, ImageReadError] = {}
    taken: dict[str, Path] = {}
    for path in dict.fromkeys(Path(os.path.abspath(p)) for p in paths):  # noqa: PTH100 - links stay links
        _require_file(path)
        try:
            count = _readable_images(path, source)
            error = None
        except ImageReadError as exc:
            if stop_on_error:
                raise
            count, error = 1, exc
        for series in range(count):
            name = safe_name(stem(path.name) if count == 1 else f"{stem(path.name)}_{series + 1}")
            if name.lower() in taken:
                raise InputError(
                    f"two images would have one name, {name}: {taken[name.lower()]} and {path}; "
                    "rename one of them or run them apart"
                )
            taken[name.lower()] = path
            if error is not None:
                unreadable[len(images)] = error
            images.append(RequestedImage(index=len(images), name=name, path=path, series=series))
    if len(unreadable) == len(images):
        first = next(iter(unreadable.values()))
        raise InputError(str(first) if len(images) == 1 else f"no image can be read; the first: {first}")
    return ChosenImages(images=tuple(images), unreadable=unreadable)


def _require_file(path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if path.is_dir() and path.suffix.lower() != ".zarr":
        raise InputError(
            f"{path} is a folder; name the images in it, such as {path}/*.tif "
            "(an OME-Zarr folder has a name that ends in .zarr)"
        )


def _readable_images(path: Path, source: ImageSource) -> int:
    """Return how many images a file has, after having opened each."""
    if not os.access(path, os.R_OK):
        raise ImageReadError(f"{path}: no permission to read it")
    count = source.images_in(path)
    for series in range(count):
        with source.open(path, index=series):
            pass
    return count
