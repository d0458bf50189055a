"""The script that finds and pulls images: how it is asked, and what its answers mean."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from biomero.adapters.containers.scripts import last_lines, script
from biomero.application.ports.image_store import StoredImage, WantedImage
from biomero.errors import (
    BiomeroError,
    ContainerImageError,
    NoSpaceError,
    RemoteCommandError,
    UnparsableOutputError,
)

RUNTIME_NAMES = ("apptainer", "singularity")

NOTHING_THERE = 64
"""The script's exit status when there is no image and none may be pulled."""

_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTool:
    """The program that pulls, and how it is used on a cluster.

    Parameters
    ----------
    executable
        ``apptainer`` or ``singularity``, by name or by absolute path.
    modules
        Environment modules that bring it.
    temporary_folder, cache_folder
        Where it builds images and keeps layers, on the cluster; its own places if not given.
    wait_s
        How long another pull of the same image is waited for.
    """

    executable: str = "apptainer"
    modules: tuple[str, ...] = ()
    temporary_folder: str = ""
    cache_folder: str = ""
    wait_s: float = 3240.0

    def __post_init__(self) -> None:
        if self.name not in RUNTIME_NAMES:
            raise ContainerImageError(
                f"unknown container runtime {self.executable!r}; use {' or '.join(RUNTIME_NAMES)}"
            )
        for module in self.modules:
            if not _MODULE.fullmatch(module):
                raise ContainerImageError(f"not the name of an environment module: {module!r}")

    @property
    def name(self) -> str:
        """``apptainer`` or ``singularity``."""
        return PurePosixPath(self.executable).name

    @property
    def interpreter(self) -> tuple[str, ...]:
        """The shell that runs our scripts; only a login shell knows modules."""
        return ("bash", "-l") if self.modules else ("sh",)

    def command(self, mode: Literal["look", "pull", "note"], wanted: WantedImage) -> tuple[str, ...]:
        """Return the command that looks for an image, has it pulled, or notes where it came from."""
        return (
            *(*self.interpreter, "-c", script("ensure_image.sh"), "ensure_image"),
            *(mode, self.executable, " ".join(self.modules), f"{self.wait_s:.0f}"),
            *(self.temporary_folder, self.cache_folder),
            *(wanted.folder, wanted.subfolder, _source(wanted), *wanted.names),
        )

    def failure(self, wanted: WantedImage, status: int | None, said: str) -> BiomeroError:
        """Say why there is no image, and what to do."""
        said = last_lines(said)
        match status:
            case 64:
                text = f"there is no image {wanted.title} on the cluster; check the path"
            case 65:
                text = (
                    f"{self.executable} is not where the cluster pulls images, so that {wanted.title} "
                    f"cannot be had; name the environment modules that bring it, or put the image there as "
                    f"{wanted.path} ({said})"
                )
            case 66:
                text = (
                    f"{wanted.title} cannot be pulled: {said}; check its name and the cluster's access to "
                    f"its registry, or put the image there as {wanted.path}"
                )
            case 67:
                text = f"{said} is not a whole SIF image; remove it and try again"
            case 68:
                text = f"{wanted.place} cannot be used for images: {said}"
            case 69:
                return NoSpaceError(
                    f"no space is left on the cluster for {wanted.title}: make room in {wanted.place} and "
                    f"where images are built, {self.temporary_folder or 'TMPDIR or /tmp'} ({said})"
                )
            case 75:
                text = f"another pull of {wanted.title} takes over {self.wait_s:.0f} s; try again later"
            case _:
                return RemoteCommandError(f"looking for {wanted.title} ended with status {status}: {said}")
        return ContainerImageError(text)


def _source(wanted: WantedImage) -> str:
    """Return what the note says of where an image came from, free of quotes."""
    if wanted.file is None:
        return wanted.source
    return f"file:{re.sub(r'[^A-Za-z0-9._+-]', '_', wanted.file.name)}"


def parse_image(stdout: str, wanted: WantedImage) -> StoredImage:
    """Read what the script says of an image.

    Raises
    ------
    UnparsableOutputError
        If it did not come to its end.
    """
    try:
        how, path, text = stdout.splitlines()[-3:]
        note = json.loads(text)
        return StoredImage(
            path=path,
            digest=note["digest"],
            source=note["source"],
            working_folder=note["working_folder"],
            was_made=how == "made",
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise UnparsableOutputError(
            f"what was said about {wanted.title} cannot be read: {stdout[-500:]!r}"
        ) from exc


def log_of(wanted: WantedImage) -> str:
    """Return where a pull writes what its tool says, relative as the folder of images is."""
    return f"{wanted.place}/.{wanted.names[0]}.pull/log"


def check_local_image(path: str, head: bytes, size: int) -> None:
    """Refuse a file of this machine that is not a whole SIF image.

    Parameters
    ----------
    head
        Its first 128 bytes.

    Raises
    ------
    ContainerImageError
        If its header says that it is something else, or longer than it is.
    """
    end = int.from_bytes(head[112:120], "little") + int.from_bytes(head[120:128], "little")
    if head[32:41] != b"SIF_MAGIC" or len(head) < 128 or size < end:  # noqa: PLR2004 - the length of the header
        raise ContainerImageError(f"{path} is not a whole SIF image")
