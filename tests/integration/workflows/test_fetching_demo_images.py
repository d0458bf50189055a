from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import fetch_images
import pytest
from fetch_images import IMAGES, TRUTH, FetchError, fetch


def test_images_come_with_their_licences(demo_images: Mapping[str, Path]) -> None:
    licences = (demo_images["nuclei-dsb2018.tif"].parent / "LICENCES.md").read_text(encoding="utf-8")
    for image in IMAGES + TRUTH:
        assert demo_images[image.name].stat().st_size > 10_000
        assert f"`{image.name}`" in licences
        assert image.source.licence in licences


def test_what_is_there_is_not_fetched_again_and_what_is_damaged_is_put_right(
    demo_images: Mapping[str, Path], tmp_path: Path
) -> None:
    image = next(i for i in IMAGES if i.name == "nuclei-3d.tif")
    shutil.copy(demo_images[image.name], tmp_path / image.name)
    said: list[str] = []
    fetch(tmp_path, [image], report=said.append)
    assert said == []
    (tmp_path / image.name).write_bytes(b"half")
    fetch(tmp_path, [image], report=said.append)
    assert said == ["fetching stardist 0.9.2 for its images ..."]
    assert (tmp_path / image.name).read_bytes() == demo_images[image.name].read_bytes()


def test_another_image_than_expected_is_refused(tmp_path: Path) -> None:
    changed = dataclasses.replace(IMAGES[0], sha256="0" * 64)
    with pytest.raises(FetchError, match="hash differs"):
        fetch(tmp_path, [changed], report=lambda _: None)
    assert not (tmp_path / changed.name).exists()


def test_without_a_network_the_message_says_what_to_do(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:9/simple"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))},
        "PIP_INDEX_URL": nowhere,
        "PIP_EXTRA_INDEX_URL": nowhere,
        "PIP_CONFIG_FILE": os.devnull,
        "UV_DEFAULT_INDEX": nowhere,
        "UV_NO_CACHE": "1",
        "PIP_NO_CACHE_DIR": "1",
    }
    done = subprocess.run(
        [sys.executable, fetch_images.__file__, tmp_path],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
        check=False,
    )
    assert done.returncode == 1
    assert "stardist==0.9.2 could not be downloaded" in done.stderr
    assert "is there a network" in done.stderr
    assert list(tmp_path.glob("*.tif")) == []
