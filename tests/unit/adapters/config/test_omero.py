"""Where OMERO is, as files and the environment say."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.config import load_settings
from biomero.application.settings import OmeroSettings
from biomero.errors import ConfigurationError


def test_without_a_host_there_is_no_omero(tmp_path: Path) -> None:
    file = tmp_path / "slurm-config.ini"
    file.write_text("[OMERO]\nuser = biomero\n")
    assert load_settings(file, environment={}, files=(), base=None).omero is None


def test_the_password_may_stand_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden\n")
    file = tmp_path / "slurm-config.ini"
    file.write_text("[OMERO]\nuser = biomero\nsudo = false\nrepository = /OMERO/ManagedRepository\n")
    variables = {"BIOMERO_OMERO_HOST": "omero.example.org", "BIOMERO_OMERO_PASSWORD_FILE": str(secret)}
    settings = load_settings(file, environment=variables, files=(), base=None).omero
    assert settings == OmeroSettings(
        host="omero.example.org",
        user="biomero",
        password="hidden",
        is_sudo=False,
        repository=Path("/OMERO/ManagedRepository"),
    )
    assert "hidden" not in repr(settings)


def test_folders_of_images_in_place_are_named_whole(tmp_path: Path) -> None:
    file = tmp_path / "slurm-config.ini"
    file.write_text("[OMERO]\nhost = omero\nin_place = /data1, /data 2/lab\n")
    settings = load_settings(file, environment={}, files=(), base=None).omero
    assert settings is not None
    assert settings.in_place == (Path("/data1"), Path("/data 2/lab"))
    for folders in ("/data1, data2", "/", "/data1, /", "/data1/.."):
        file.write_text(f"[OMERO]\nhost = omero\nin_place = {folders}\n")
        with pytest.raises(ConfigurationError, match=r"in_place.*absolute paths"):
            load_settings(file, environment={}, files=(), base=None)


def test_a_repository_that_depends_on_the_folder_of_a_command_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "slurm-config.ini"
    file.write_text("[OMERO]\nhost = omero\nrepository = ManagedRepository\n")
    with pytest.raises(ConfigurationError, match=r"repository.*absolute path"):
        load_settings(file, environment={}, files=(), base=None)
