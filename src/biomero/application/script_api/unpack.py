"""Unpack a data folder's zip on the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biomero.application.script_api.archive_listing import list_archive
from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.application.script_api.zip_tools import UNPACK, UNPACK_PYTHON, tool_error, unpacker
from biomero.errors import InputError

IMAGE_PATTERNS = ("*.zarr", "*.ome.zarr", "*.tiff", "*.tif")
"""What is taken out of a zip: names in its uppermost folder, and all below them."""

_TIMEOUT_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """What came out of a zip, by name, and the program that unpacked it."""

    folder: DataFolder
    names: tuple[str, ...]
    left_out: tuple[str, ...]
    tool: str


def unpack_data(session: ScriptSession, zipfile: str, patterns: Sequence[str] = IMAGE_PATTERNS) -> Unpacked:
    """Unpack ``<zipfile>.zip`` of the data folder into ``<zipfile>/data/in``, with ``out`` and ``gt`` beside.

    Either everything that was wanted stands there whole, or nothing new does. Once again gives the same.

    Raises
    ------
    InputError
        If there is no such zip, it is no zip, or nothing in it is wanted.
    UnsafePathError
        If something in it could leave the folder; nothing is unpacked then.
    NoSpaceError, RemoteCommandError
        If it cannot be unpacked; the message says why.
    """
    folder = session.folder(zipfile.removesuffix(".zip"))
    program = unpacker(session.cluster.settings.zip_command)
    listing = list_archive(session, folder.zip, patterns)
    if not listing.wanted:
        others = ", ".join(listing.others[:5]) or "nothing"
        raise InputError(f"{folder.zip} has no image ({' '.join(patterns)}) in it; it has {others}")
    names = "".join(f"{name}\0" for name in listing.wanted).encode(errors="surrogateescape")
    result = session.run(
        UNPACK,
        *(folder.zip, session.root, folder.name, program, UNPACK_PYTHON, str(listing.size // 1024)),
        stdin=names,
        timeout_s=_TIMEOUT_S,
    )
    if not result.ok:
        raise tool_error(result.exit_status, result.stderr, f"unpacking {folder.zip}")
    tool = result.stdout.rpartition("biomero:tool ")[2].strip()
    return Unpacked(folder=folder, names=listing.wanted, left_out=listing.others, tool=tool)
