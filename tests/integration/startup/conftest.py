"""A tree with OMERO's folders for each test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.omero_account import OmeroAccount


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder that other accounts can enter, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="biomero-startup-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def account(root: Path) -> OmeroAccount:
    return OmeroAccount(root)
