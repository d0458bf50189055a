"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomero.adapters.ngff.stores import write_errors
from biomero.errors import ImageWriteError


@contextmanager
def whole_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `path`, and rename it to `path` when the block has ended well.

    The temporary name is always the same, so that the next attempt clears what a killed one left.

    Parameters
    ----------
    replace
        What stands at `path` makes way. Else it is an error that anything does.

    Raises
    ------
    ImageWriteError
        If something stands there already, or the folder cannot be made or renamed.
    """
    part = path.with_name(f"{path.name}.part")
    if not replace and path.exists():
        raise ImageWriteError(f"{path} exists already; remove it or choose another name")
    with write_errors(path):
        if part.exists():
            shutil.rmtree(part)
        part.mkdir(parents=True)
    try:
        yield part
        with write_errors(path):
            if replace and path.exists():
                shutil.rmtree(path)
            part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
