"""Fixtures of container tests; folders of tests that use them import them in their conftest."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.apptainer import ensure_apptainer
from services.registry import Registry, ensure_registry_program, registry
from services.tiny_workflow import tiny_file_system

_PROJECT = Path(__file__).parents[2]


def reachable_cache() -> Path:
    """Return a folder that lasts between test sessions and that every user of the machine can reach."""
    inside = _PROJECT / ".test-env"
    if all(folder.stat().st_mode & 0o001 for folder in _PROJECT.parents) and _PROJECT.stat().st_mode & 0o001:
        return inside
    return Path(tempfile.gettempdir()) / f"biomero-test-env-{os.getuid()}"


def ensure_all() -> None:
    """Fetch what container tests need, so that no test has to wait for it."""
    ensure_apptainer(reachable_cache() / "apptainer")
    ensure_registry_program(reachable_cache() / "registry")


@pytest.fixture(scope="session")
def apptainer() -> Path:
    """The path of a real Apptainer."""
    return ensure_apptainer(reachable_cache() / "apptainer")


@pytest.fixture(scope="session")
def image_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry of container images, for the whole session."""
    program = ensure_registry_program(reachable_cache() / "registry")
    with registry(program, tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file system of a tiny image."""
    return tiny_file_system(tmp_path_factory.mktemp("root"), cache=reachable_cache() / "busybox")
