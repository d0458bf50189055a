"""RO-Crates: research objects that others can read without us."""

from __future__ import annotations

import enum
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from biomero.application.run_document import RunDocument


class CrateRole(enum.Enum):
    """What a part of a crate was to its run."""

    INPUT = "input"
    OUTPUT = "output"
    RECORD = "record"
    """About the run: its document, report and logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CratePart:
    """A file or folder that a crate holds, refers to, or should hold and does not.

    Parameters
    ----------
    name
        As people know it.
    place
        Where it lies in the crate, with ``/`` between its parts; ``None`` where it does not.
    source
        Where it lies outside of the crate; ``None`` where it was lost.
    address
        An absolute URI of what is no file: an image of OMERO.
    sha256, size
        Of what lies in the crate; of what does not, as the run's record has it.
    made_from
        The index among the run's images of the one that an output belongs to, or that an input holds.
    """

    role: CrateRole
    name: str
    place: str | None
    source: Path | None = None
    address: str | None = None
    is_folder: bool = False
    sha256: str | None = None
    size: int | None = None
    description: str = ""
    made_from: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateWorkflow:
    """The workflow of a run, as far as it can still be told.

    Parameters
    ----------
    address
        An absolute URI that names it: its page at a code host, or its descriptor's file.
    container_image
        The name of its container image; ``None`` where it ran without, or nobody knows any more.
    """

    description: str
    address: str
    container_image: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCrate:
    """What a crate says.

    Parameters
    ----------
    findings
        One sentence for each thing that is not as the run's record has it.
    licence
        The address of a licence, or its text; ``None`` where none was given.
    """

    document: RunDocument
    workflow: CrateWorkflow
    parts: tuple[CratePart, ...]
    findings: tuple[str, ...]
    written: datetime
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was put into a crate: SHA-256 and size of the bytes that lie there."""

    sha256: str
    size: int


class CratePackage(Protocol):
    """A crate that is being written."""

    def add_file(self, source: Path, place: str) -> Packed:
        """Copy a file, byte for byte, in bounded memory.

        Raises
        ------
        OSError
            If it cannot be read or written.
        """
        ...

    def add_bytes(self, content: bytes, place: str) -> Packed:
        """Put something that lies in memory into the crate.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        ...


class CrateWriter(Protocol):
    """Writes crates."""

    def open(self, target: Path, *, replace: bool = False) -> AbstractContextManager[CratePackage]:
        """Begin a crate: a ZIP archive where the name ends in ``.zip``, else a folder.

        It is written under a temporary name beside `target` and gets its name when the block ends well.
        When the block fails nothing is left behind, and what stood at `target` still does.

        Parameters
        ----------
        replace
            Replace a crate that stands there.

        Raises
        ------
        InputError
            If something stands at `target` that must not be replaced, or it cannot be written.
        """
        ...

    def describe(self, crate: RunCrate) -> bytes:
        """Return ``ro-crate-metadata.json``."""
        ...
