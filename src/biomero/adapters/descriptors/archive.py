"""Unpacking the archive of a repository, which somebody else made."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from biomero.errors import UnknownWorkflowError


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """How large a repository may be: a workflow is code and a descriptor, and no data."""

    download_bytes: int = 200_000_000
    unpacked_bytes: int = 1_000_000_000
    files: int = 20_000


def unpack(archive: Path, folder: Path, *, limits: ArchiveLimits) -> None:
    """Unpack a gzipped tar archive into a new folder, without the folder at its top.

    Nothing is written outside of `folder`, and no link in it leads out of it.

    Raises
    ------
    UnknownWorkflowError
        If it is no such archive, is too large, or holds what leaves its folder. What was unpacked
        until then is left to the caller.
    """
    folder.mkdir()
    links: list[tuple[Path, str]] = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            size = 0
            for count, member in enumerate(tar, start=1):
                size += member.size
                if count > limits.files or size > limits.unpacked_bytes:
                    raise UnknownWorkflowError(
                        f"unpacked, it has over {limits.files} files or {limits.unpacked_bytes} bytes"
                    )
                path = _place(folder, member)
                if path is None:
                    continue
                if member.issym():
                    links.append((path, member.linkname))
                else:
                    _write(tar, member, path)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as exc:
        raise UnknownWorkflowError(f"its archive is damaged, or no archive at all ({exc})") from exc
    _link(folder, links)


def _place(folder: Path, member: tarfile.TarInfo) -> Path | None:
    """Return where a member goes; ``None`` for the top folder itself."""
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or "\0" in member.name:
        raise UnknownWorkflowError(f"its archive holds a name that leaves its folder: {member.name!r}")
    if not (member.isfile() or member.isdir() or member.issym()):
        raise UnknownWorkflowError(
            f"its archive holds what is neither file, folder nor link: {member.name!r}"
        )
    return folder.joinpath(*name.parts[1:]) if len(name.parts) > 1 else None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise tarfile.ReadError(f"no content for {member.name!r}")
    with source, path.open("xb") as target:
        shutil.copyfileobj(source, target)
    path.chmod(0o755 if member.mode & 0o100 else 0o644)


def _link(folder: Path, links: list[tuple[Path, str]]) -> None:
    """Make the links once all files are there, so that none is written through a link."""
    root = folder.resolve()
    try:
        for path, target in links:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        leaving = [path for path, _ in links if not path.resolve().is_relative_to(root)]
    except (OSError, RuntimeError) as exc:  # RuntimeError: links that lead in a circle, until Python 3.13
        raise UnknownWorkflowError(f"its archive holds links that cannot be made ({exc})") from exc
    if leaving:
        name = leaving[0].relative_to(folder)
        raise UnknownWorkflowError(f"its archive holds a link that leaves its folder: {str(name)!r}")
