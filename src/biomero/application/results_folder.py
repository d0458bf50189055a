"""The folder in which a user finds the results: whose it is, and how files get into it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Self

from biomero.domain.ids import RunId
from biomero.errors import InputError, UnsafePathError

RUN_FILE = "run.json"
REPORT_FILE = "report.html"
LABELS, ZARR, TABLES, IMAGES, FILES, OVERLAYS, LOGS = (
    "labels", "zarr", "tables", "images", "files", "overlays", "logs",
)  # fmt: skip
LAYOUT = (RUN_FILE, REPORT_FILE, LABELS, ZARR, TABLES, IMAGES, FILES, OVERLAYS, LOGS)
"""Every name at the top of a results folder."""

_PART = ".part"
_LONGEST_NAME = 255  # bytes, on every file system in use
_LONGEST_STEM = 180


def check_results_folder(folder: Path, run_id: RunId) -> None:
    """Make sure that a run may write its results into a folder, which need not exist.

    To be asked before anything is sent. Files of other names may lie there and are left alone.

    Raises
    ------
    InputError
        If it is a file, holds the results of another run, or holds something under a name that the
        results need.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the results folder {folder} is a file; choose another folder (--out)")
    owner = _owner(folder)
    if owner == run_id:
        return
    if owner is not None:
        raise InputError(
            f"{folder} holds the results of run {owner}; choose another folder (--out), or move them away"
        )
    taken = [name for name in LAYOUT if os.path.lexists(folder / name)]
    if taken:
        raise InputError(
            f"{folder} has {', '.join(taken)} already, which would be overwritten; "
            "choose another folder (--out)"
        )


def claim_results_folder(folder: Path, run_id: RunId) -> None:
    """Make the results folder, if it is missing, and put the run's id into its ``run.json``.

    Doing it again changes nothing. Of two runs that claim the same folder at once, one fails.

    Raises
    ------
    InputError
        As `check_results_folder`, or if the folder cannot be made or written.
    """
    check_results_folder(folder, run_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / RUN_FILE, {"schema_version": "1.0", "id": run_id, "status": "submitted"})
    except FileExistsError:
        check_results_folder(folder, run_id)
    except OSError as exc:
        raise InputError(f"the results folder {folder} cannot be written: {exc.strerror}") from exc


def _write_new(path: Path, document: dict[str, str]) -> None:
    """Write a small file that must not be there; where there is no space for it, none stays behind."""
    with path.open("x", encoding="ascii") as file:
        try:
            json.dump(document, file)
            file.flush()
        except OSError:
            path.unlink()
            raise


def _owner(folder: Path) -> str | None:
    """Return the id in the folder's ``run.json``; ``None`` where it is missing or not of a run."""
    try:
        document = json.loads((folder / RUN_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    owner = document.get("id") if isinstance(document, dict) else None
    return owner if isinstance(owner, str) else None


class ResultsFolder:
    """Puts files into a claimed results folder, each under a temporary name first.

    Names are given out once, so that two outputs never overwrite each other; given the same requests in the
    same order, the names are the same.

    Parameters
    ----------
    kept
        Names that are not given out.
    """

    def __init__(self, folder: Path, *, kept: Iterable[str] = ()) -> None:
        self.path = folder
        self._part = folder / _PART
        self._given = set(kept)
        self._count = 0

    def __enter__(self) -> Self:
        """Remove what an interrupted delivery has left."""
        shutil.rmtree(self._part, ignore_errors=True)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._part, ignore_errors=True)

    def name_for(self, subfolder: str, stem: str, suffix: str) -> str:
        """Return a free name in a subfolder, such as ``labels/cell_1.ome.tif``.

        Parameters
        ----------
        stem
            May hold ``/``; its parts become folders. Too long a name is cut and told apart by a hash.
        """
        *folders, last = PurePosixPath(stem).parts or ("_",)
        if len(os.fsencode(last + suffix)) > _LONGEST_NAME:
            last = _cut(last)
        for number in range(1, len(self._given) + 2):
            end = suffix if number == 1 else f"-{number}{suffix}"
            name = "/".join((subfolder, *folders, last + end))
            if name not in self._given:
                break
        self._given.add(name)
        return name

    def write(self, name: str, write: Callable[[Path], None]) -> None:
        """Let `write` make a file or folder under a temporary name, then give it its name.

        What stood there before, of an earlier delivery of the same run, is replaced.

        Raises
        ------
        UnsafePathError
            If the name leads out of the results folder.
        """
        self._count += 1
        temporary = self._part / str(self._count) / PurePosixPath(name).name
        temporary.parent.mkdir(parents=True, exist_ok=True)
        final = self._inside(name)
        write(temporary)
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.is_dir() and not final.is_symlink():
            final.rename(temporary.parent / "before")
        temporary.replace(final)
        shutil.rmtree(temporary.parent, ignore_errors=True)

    def copy(self, source: Path, name: str) -> None:
        """Copy a file or folder, byte for byte. Symbolic links and special files in it are left out."""
        self.write(name, lambda path: _copy(source, path))

    def _inside(self, name: str) -> Path:
        final = self.path / name
        root = self.path.resolve()
        if ".." in PurePosixPath(name).parts or not final.parent.resolve().is_relative_to(root):
            raise UnsafePathError(f"{name!r} would lie outside of the results folder {self.path}")
        return final


def _cut(name: str) -> str:
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    return f"{os.fsencode(name)[:_LONGEST_STEM].decode('utf-8', 'ignore')}-{digest}"


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)
        return
    target.mkdir()
    for file in regular_files(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)


def regular_files(folder: Path) -> Iterator[Path]:
    """Yield every regular file below a folder, sorted; links are neither yielded nor followed."""
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        if entry.is_dir():
            yield from regular_files(entry)
        elif entry.is_file():
            yield entry


def fingerprint(path: Path) -> tuple[str, int]:
    """Return SHA-256 and size in bytes of a file; of a folder, see `OutputRecord.sha256`."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
    found = {}
    size = 0
    for part in regular_files(path):
        digest, file_size = fingerprint(part)
        found[os.fsencode(part.relative_to(path).as_posix())] = digest
        size += file_size
    return listing_sha256(sorted(found.items())), size


def listing_sha256(files: Iterable[tuple[bytes, str]]) -> str:
    """Return the SHA-256 of a list of files: name and SHA-256 of each, as ``sha256sum`` prints them."""
    listing = hashlib.sha256()
    for name, digest in files:
        listing.update(digest.encode() + b"  " + name + b"\n")
    return listing.hexdigest()
