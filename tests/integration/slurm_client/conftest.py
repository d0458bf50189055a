"""A script's author at the real cluster."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.slurm_client import SlurmClient
from services.slurm_lab import SlurmLab


@pytest.fixture
def settings_file(tmp_path: Path, slurm_lab: SlurmLab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a file of settings that leads to the cluster, and a home without any other."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BIOMERO_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("SQLALCHEMY_URL", raising=False)
    place = f"biomero-scripts/{uuid.uuid4().hex[:8]}"
    file = tmp_path / "slurm-config.ini"
    file.write_text(
        f"[SSH]\nhost = {slurm_lab.alias}\n"
        f"[SLURM]\nssh_config = {slurm_lab.ssh_config}\nslurm_data_path = {place}/my data\n"
        f"slurm_images_path = {place}/images\nslurm_converters_path = {place}/converters\n"
        f"slurm_script_path = {place}/scripts\n"
        "[WORKFLOWS]\nremove = *\n"
    )
    return file


@pytest.fixture
def client(settings_file: Path) -> Iterator[SlurmClient]:
    with SlurmClient.from_config(str(settings_file)) as opened:
        yield opened
