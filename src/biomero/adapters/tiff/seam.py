"""Where the errors of tifffile and its codecs become ours."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomero.errors import ImageReadError

_WHAT_DAMAGED_BYTES_CAUSE = (
    # tifffile.TiffFileError is a ValueError and every codec's error a RuntimeError. The others come from
    # numbers in a damaged file that are used as sizes, types and positions before anyone looks at them.
    ValueError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ImportError,
    EOFError,
    MemoryError,
    BufferError,
    struct.error,
    zlib.error,
)


@contextmanager
def tiff_errors(path: Path, doing: str) -> Iterator[None]:
    """Turn whatever a damaged TIFF makes the libraries raise into an `ImageReadError`.

    Parameters
    ----------
    doing
        What was tried, to follow the file's name: ``its page 3 cannot be decoded``.
    """
    try:
        yield
    except ImageReadError:
        raise
    except FileNotFoundError as exc:
        raise ImageReadError(f"{path} does not exist") from exc
    except OSError as exc:
        raise ImageReadError(f"{path}: {doing}: {exc.strerror or exc}") from exc
    except _WHAT_DAMAGED_BYTES_CAUSE as exc:
        raise ImageReadError(f"{path}: {doing}: {type(exc).__name__}: {exc}") from exc
