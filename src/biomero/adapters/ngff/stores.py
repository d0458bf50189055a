"""Creating and opening Zarr arrays with tensorstore, within bounds of memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorstore as ts

from biomero.errors import ImageReadError, ImageWriteError

TENSORSTORE_ERRORS = (ValueError, IndexError, TypeError, RuntimeError, OSError)
"""What tensorstore raises: it turns its own statuses into these."""


def bounded_context() -> ts.Context:
    """Return a tensorstore context whose memory does not grow with the image or the machine."""
    threads = max(2, min(8, os.cpu_count() or 2))
    return ts.Context(
        {
            "cache_pool": {"total_bytes_limit": 0},
            "data_copy_concurrency": {"limit": threads},
            "file_io_concurrency": {"limit": threads},
        }
    )


def create(spec: dict[str, Any], *, context: ts.Context) -> ts.TensorStore:
    """Create the array of a spec and return it.

    Raises
    ------
    ImageWriteError
        If its folder cannot be written.
    """
    with write_errors(Path(spec["kvstore"]["path"])):
        return ts.open({**spec, "create": True}, context=context).result()


def open_array(path: Path, *, driver: str, context: ts.Context) -> ts.TensorStore:
    """Open an array for reading.

    Raises
    ------
    ImageReadError
        If it is missing or its metadata is damaged.
    """
    with read_errors(path):
        spec = {"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}
        return ts.open(spec, open=True, read=True, context=context).result()


def file_shape(array: ts.TensorStore) -> tuple[int, ...]:
    """Return the shape of what one file of an array holds: a shard, or a chunk where there are none."""
    shape = array.chunk_layout.write_chunk.shape or array.shape
    return tuple(length or size for length, size in zip(shape, array.shape, strict=True))


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn tensorstore's errors into ours; `path` is the array that is read."""
    try:
        yield
    except TENSORSTORE_ERRORS as exc:
        raise ImageReadError(f"{path} cannot be read: {_brief(exc)}") from exc


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn errors of tensorstore and the file system into ours; `path` is what is written."""
    try:
        yield
    except TENSORSTORE_ERRORS as exc:
        raise ImageWriteError(
            f"{path} cannot be written: {_brief(exc)}; check the space and the permissions there"
        ) from exc


def _brief(exc: Exception) -> str:
    # tensorstore appends the whole JSON of what was opened, which tells people nothing.
    return str(exc).split(" [tensorstore_spec=", 1)[0]
