"""One file with all results of a run."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_PACKED = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".zip", ".gz", ".zarr")
"""Suffixes of files that do not become smaller."""


@contextmanager
def zipped(files: Mapping[str, Path]) -> Iterator[Path]:
    """Pack files and folders; the archive is on this machine's temporary disk for the block.

    Parameters
    ----------
    files
        Where each is, by its name in the archive.
    """
    with tempfile.TemporaryDirectory(prefix="biomero-zip-") as folder:
        archive = Path(folder) / "results.zip"
        with zipfile.ZipFile(archive, "w", strict_timestamps=False) as packed:
            for name, path in files.items():
                for file, inner in _files(name, path):
                    way = zipfile.ZIP_STORED if path.suffix.lower() in _PACKED else zipfile.ZIP_DEFLATED
                    packed.write(file, inner, compress_type=way)
        yield archive


def _files(name: str, path: Path) -> Iterator[tuple[Path, str]]:
    if not path.is_dir():
        yield path, name
        return
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield file, f"{name}/{file.relative_to(path).as_posix()}"
