"""Where the errors of the vendor formats' libraries become ours."""

from __future__ import annotations

import importlib
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from xml.etree.ElementTree import ParseError

from biomero.errors import ImageReadError, UnsupportedImageError

_WHAT_DAMAGED_BYTES_CAUSE = (
    # Each of these libraries takes numbers from a file for sizes, types and places before it looks at
    # them, and the classes of its own errors derive from these.
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    MemoryError,
    BufferError,
    ParseError,
    struct.error,
    zlib.error,
)


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn what a library raises on a file into an `ImageReadError` that names the file.

    Parameters
    ----------
    what
        The format, or what of it was read: ``CZI``, ``plane 3``.
    """
    try:
        yield
    except ImageReadError:
        raise
    except FileNotFoundError as exc:
        raise ImageReadError(f"{path}: {exc.filename or 'a file of it'} does not exist") from exc
    except OSError as exc:
        raise ImageReadError(f"{path}: {what} cannot be read: {exc.strerror or exc}") from exc
    except _WHAT_DAMAGED_BYTES_CAUSE as exc:
        raise ImageReadError(f"{path}: {what} is damaged: {type(exc).__name__}: {exc}") from exc


def library(name: str, path: Path) -> ModuleType:
    """Import the library that reads a file.

    Raises
    ------
    UnsupportedImageError
        If it is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise UnsupportedImageError(
            f'{path} needs the library {exc.name or name}: pip install "biomero[readers]"'
        ) from exc


def chosen(path: Path, index: int, count: int) -> int:
    """Return the index of an image after checking that the file holds it."""
    if not 0 <= index < count:
        raise ImageReadError(f"{path} has {count} images; there is no number {index}")
    return index
