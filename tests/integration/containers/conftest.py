from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.container_fixtures import apptainer, image_registry, tiny_root
from services.registry import Registry, layer_of
from services.sif import pack
from services.users import UnprivilegedUser

__all__ = ["apptainer", "image_registry", "tiny_root"]


@pytest.fixture(scope="session")
def tiny_sif(apptainer: Path, tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny image that was built from a folder."""
    target = tmp_path_factory.mktemp("sif") / "tiny.sif"
    pack(apptainer, tiny_root, target, start=("/bin/tiny",))
    return target


@pytest.fixture
def published(image_registry: Registry, tiny_root: Path, request: pytest.FixtureRequest) -> tuple[str, str]:
    """A tiny Docker image in the registry, new for each test: its name without tag, and its digest."""
    name = f"lab/{request.node.originalname.replace('_', '-')[:60].strip('-')}"
    settings = {"Entrypoint": ["/bin/tiny", "fixed"], "WorkingDir": "/work", "Env": ["PATH=/bin"]}
    digest = image_registry.push(name, "1.0", layer_of(tiny_root), settings)
    return f"{image_registry.address}/{name}", digest


@pytest.fixture
def user() -> Iterator[UnprivilegedUser]:
    """A user without rights, with a home folder below a place that everybody can reach."""
    with tempfile.TemporaryDirectory(prefix="biomero-home-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir()
        someone = UnprivilegedUser(home=home)
        someone.own(home)
        yield someone
