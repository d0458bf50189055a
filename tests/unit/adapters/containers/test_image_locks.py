"""Locks of images on machines that have none."""

from __future__ import annotations

import shutil
from pathlib import Path

from biomero.adapters.containers.sif_store import SifStore
from biomero.adapters.local.shell import LocalShell
from biomero.application.ports.image_store import WantedImage
from biomero.errors import ContainerImageError


def test_a_place_without_locks_is_not_taken_for_one_that_is_locked(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "mkdir", "sed", "env", "bash"):
        (tools / name).symlink_to(str(shutil.which(name)))
    wanted = WantedImage(folder=str(tmp_path / "images"), names=("a_1.sif",), source="docker://a/a:1")
    store = SifStore(shell=LocalShell(), environment={"PATH": str(tools)})
    (error,) = store.fetch([wanted])
    assert isinstance(error, ContainerImageError)
    assert "another pull" not in str(error)
    assert "flock" in str(error)
