"""Where container images are on a cluster, and how they get there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from biomero.errors import BiomeroError, ContainerImageError


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedImage:
    """An image to look for, and what to do if it is not there.

    Parameters
    ----------
    folder
        The folder of images on the cluster; relative to the home folder if not absolute.
    names
        File names that it may have; a new one gets the first that is free.
    subfolder
        Its own folder below `folder`, where it is looked for first and where a new one goes.
    source
        The address to pull from; empty where nothing may be pulled.
    file
        A SIF file on this machine, to be sent instead.
    """

    folder: str
    names: tuple[str, ...]
    subfolder: str = ""
    source: str = ""
    file: Path | None = None

    def __post_init__(self) -> None:
        parts = self.subfolder.split("/") if self.subfolder else []
        if any(part in {"", ".", ".."} for part in parts):
            raise ContainerImageError(
                f"the folder of an image must stay below that of all images: {self.subfolder!r}"
            )
        if not all(text.isprintable() for text in (self.folder, self.subfolder, *self.names)):
            raise ContainerImageError(f"the image has an unusable name: {self.path!r}")

    @property
    def place(self) -> str:
        """The folder that a new image goes to."""
        return f"{self.folder}/{self.subfolder}" if self.subfolder else self.folder

    @property
    def path(self) -> str:
        """Where a new image goes."""
        return f"{self.place}/{self.names[0]}"

    @property
    def title(self) -> str:
        """What messages call it."""
        return str(self.file) if self.file else self.source or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An image on the cluster.

    Parameters
    ----------
    digest
        ``sha256:…`` of the whole file.
    source
        Where it was pulled from; empty where nobody knows.
    working_folder
        Where programs start that are named instead of the entry point; empty if the image does not say.
    was_made
        It was not there before.
    """

    path: str
    digest: str
    source: str = ""
    working_folder: str = ""
    was_made: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """A file of an image: its path below the folder that was listed, and its size in bytes."""

    path: str
    size: int


ShowImage = Callable[[WantedImage, str], None]
"""Called with what is going on with an image, in a few words."""


def show_nothing(wanted: WantedImage, message: str) -> None:
    """Show nothing; see `ShowImage`."""


class ImageStore(Protocol):
    """Keeps container images on a cluster."""

    def find(self, wanted: WantedImage) -> StoredImage | None:
        """Look for an image; ``None`` if it is not there. Nothing is pulled.

        Raises
        ------
        ContainerImageError
            If what is there is not a whole image, or its folder cannot be used.
        ClusterError
            As `RemoteShell.run` raises.
        """
        ...

    def fetch(
        self, wanted: Sequence[WantedImage], *, show: ShowImage = show_nothing
    ) -> list[StoredImage | BiomeroError]:
        """Have images on the cluster, each whole under its final name or not at all.

        What is there already stays as it is. Who else pulls the same image at the same time is waited for. An
        attempt that is killed leaves nothing that counts; the next one goes on with the layers that arrived,
        and removes what is left over.

        Returns
        -------
        for each, in the same order, the image, or why it cannot be had: `ContainerImageError`,
        `NoSpaceError`, or another error that is about this image only

        Raises
        ------
        ConnectionFailedError, HostKeyError, AuthenticationFailedError
            If the cluster cannot be reached.
        """
        ...

    def files(self, folder: str) -> list[ImageFile]:
        """Return the image files in a folder and in the folders just below it; none where it is missing."""
        ...


class NoImages:
    """Keeps none, where there are no containers; see `ImageStore`."""

    def find(self, wanted: WantedImage) -> StoredImage | None:  # noqa: ARG002 - the port's signature
        """See `ImageStore.find`."""
        return None

    def fetch(
        self,
        wanted: Sequence[WantedImage],
        *,
        show: ShowImage = show_nothing,  # noqa: ARG002 - the port's signature
    ) -> list[StoredImage | BiomeroError]:
        """See `ImageStore.fetch`."""
        return [ContainerImageError(f"{w.title} cannot be had: there are no containers here") for w in wanted]

    def files(self, folder: str) -> list[ImageFile]:  # noqa: ARG002 - the port's signature
        """See `ImageStore.files`."""
        return []
