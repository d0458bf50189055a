"""Open images of any format: choose the reader that knows the file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from biomero.application.ports.image_source import ImageSource, OpenImage
from biomero.errors import ImageReadError, InputError, UnsupportedImageError

_HEAD = 4096  # bytes looked at to recognise a format

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Bytes that stand at one place in every file of a format."""

    magic: bytes
    offset: int = 0

    def fits(self, head: bytes) -> bool:
        """Whether a file that begins so may be of the format."""
        return head[self.offset : self.offset + len(self.magic)] == self.magic


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFormat:
    """A format, how its files are recognised, and what reads it.

    Parameters
    ----------
    name
        As people call it: ``OME-TIFF``.
    suffixes
        Ends of file names, in lower case, with their dot.
    source
        Reads the format.
    signatures
        Any of them marks the format; none where its files begin with nothing special.
    """

    name: str
    suffixes: tuple[str, ...]
    source: ImageSource
    signatures: tuple[Signature, ...] = ()

    def claims_name(self, name: str) -> bool:
        """Whether the file's name ends as this format's do."""
        return name.lower().endswith(self.suffixes)

    def claims_content(self, head: bytes) -> bool:
        """Whether the file begins as this format's do."""
        return any(signature.fits(head) for signature in self.signatures)


class ImageSources:
    """Reads images of every format that is wired; see `ImageSource`.

    The end of the name chooses the format, unless the content says that the name lies; then the content does.
    A reader that does not read this kind of the format leaves it to the next one; damage is final.

    Parameters
    ----------
    formats
        In order of preference.
    folders
        Reads images that are folders: OME-Zarr.
    fallback
        Is asked for what no format claims, and after all that do not read this kind of theirs: Bio-Formats.
    """

    def __init__(
        self,
        formats: Sequence[ImageFormat],
        *,
        folders: ImageSource | None = None,
        fallback: ImageSource | None = None,
    ) -> None:
        self._formats = tuple(formats)
        self._folders = folders
        self._fallback = fallback

    def images_in(self, path: Path) -> int:
        """See `ImageSource.images_in`.

        Raises
        ------
        InputError
            If there is no such file, or it is a folder that is no image.
        """
        return self._first(path, lambda source: source.images_in(path))

    def open(self, path: Path, *, index: int = 0) -> OpenImage:
        """See `ImageSource.open`.

        Raises
        ------
        InputError
            If there is no such file, or it is a folder that is no image.
        """
        return self._first(path, lambda source: source.open(path, index=index))

    def _first(self, path: Path, ask: Callable[[ImageSource], _T]) -> _T:
        """Return the answer of the first source that reads this kind of file."""
        claiming = self._sources(path)
        last = () if path.is_dir() or self._fallback is None else (self._fallback,)
        refusals: list[UnsupportedImageError] = []
        for source in dict.fromkeys((*claiming, *last)):
            try:
                return ask(source)
            except UnsupportedImageError as refusal:
                refusals.append(refusal)
        # the first is of the reader that knows the format best
        reasons = ([] if claiming else [self._unknown(path)]) + [str(refusal) for refusal in refusals]
        raise UnsupportedImageError("; ".join(reasons)) from (refusals[0] if refusals else None)

    def _sources(self, path: Path) -> tuple[ImageSource, ...]:
        """Return the sources that claim what lies there, the likeliest first."""
        if not os.path.lexists(path):
            raise InputError(f"{path} does not exist")
        if path.is_dir():
            return (self._folder(path),)
        if not path.exists():
            raise InputError(f"{path} is a link to {path.readlink()}, which does not exist")
        if not path.is_file():
            raise InputError(f"{path} is neither a file nor a folder")
        return tuple(image_format.source for image_format in self._claims(path))

    def _claims(self, path: Path) -> list[ImageFormat]:
        """Return the formats that may be the file's, the likeliest first."""
        head = _head(path)
        by_name = [one for one in self._formats if one.claims_name(path.name)]
        by_content = [one for one in self._formats if one.claims_content(head)]
        agreed = [one for one in by_name if one in by_content or not one.signatures]
        return agreed or by_content or by_name

    def _folder(self, path: Path) -> ImageSource:
        marks = (".zattrs", ".zgroup", "zarr.json")
        is_zarr = path.name.lower().endswith(".zarr") or any((path / mark).exists() for mark in marks)
        if is_zarr and self._folders is not None:
            return self._folders
        raise InputError(f"{path} is a folder, not an image; name the images in it, or an OME-Zarr (*.zarr)")

    def _unknown(self, path: Path) -> str:
        names = ", ".join(one.name for one in self._formats if one.source is not self._fallback)
        folders = ", OME-Zarr" if self._folders is not None else ""
        return f"{path} is of no format that is read here, which are: {names}{folders}"


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as exc:
        raise ImageReadError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    if not head:
        raise ImageReadError(f"{path} is empty (0 bytes)")
    return head
