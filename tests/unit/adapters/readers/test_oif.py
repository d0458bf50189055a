from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import oiffile
import pytest

from biomero.adapters.readers import OifSource
from biomero.errors import ImageReadError
from services.pixels import whole
from services.source_packages import from_source_package

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def oib() -> Path:
    """Return a file from a real microscope."""
    return from_source_package("oiffile==2026.2.8", "test.oib")


def test_a_file_of_a_microscope_is_read(oib: Path) -> None:
    with OifSource().open(oib) as image:
        assert (image.metadata.axes, image.metadata.shape) == ("cyx", (3, 256, 256))
        assert image.metadata.scale["x"].unit == "micrometer"
        assert image.metadata.scale["x"].value * 256 == pytest.approx(45.135)
        assert [channel.name for channel in image.metadata.channels] == ["CH1", "Alexa Fluor 546", None]
        np.testing.assert_array_equal(whole(image), oiffile.imread(oib).squeeze())


def test_the_same_image_is_read_from_its_folder(oib: Path, tmp_path: Path) -> None:
    with oiffile.OibFileSystem(oib) as files:
        files.saveas_oif(str(tmp_path))
    (oif,) = tmp_path.glob("*.oif")
    with OifSource().open(oif) as image, OifSource().open(oib) as same:
        np.testing.assert_array_equal(whole(image), whole(same))
    (oif.parent / f"{oif.name}.files").rename(tmp_path / "elsewhere")
    with pytest.raises(ImageReadError, match=r"\.oif"):
        OifSource().open(oif)


@pytest.mark.filterwarnings(
    # oiffile forgets to close a file that it refuses
    "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_file_that_was_cut_is_refused(oib: Path, tmp_path: Path) -> None:
    complete = oib.read_bytes()
    with OifSource().open(oib) as image:
        pixels = whole(image)
    path = tmp_path / "cut.oib"
    for end in range(0, len(complete), len(complete) // 25):
        path.write_bytes(complete[:end])
        try:
            with OifSource().open(path) as image:
                np.testing.assert_array_equal(whole(image), pixels)
        except ImageReadError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right
    gc.collect()  # here, where its warning is expected
