"""Original files in OMERO's repository: what is read instead of pixels over Ice, and what never is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from biomero.adapters.ngff import NgffSource, NgffWriter
from biomero.adapters.omero.lasting import LastingSession
from biomero.adapters.omero.original_file import OriginalFiles
from biomero.adapters.omero.pixels_metadata import PixelsDescription
from biomero.adapters.omero.queries import Parameter, Questions
from biomero.adapters.system import SystemClock
from biomero.adapters.tiff import TiffSource
from biomero.application.open_images import ImageFormat, ImageSources
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import PyramidSettings
from biomero.errors import OmeroLoginError
from biomero.testing.images import ArrayImage

PIXELS = np.random.default_rng(7).integers(0, 60000, (3, 40, 50), dtype=np.uint16)
FOLDER = "demo_2/2026-11/29/10-00-00.000"


class Entries(Questions):
    """Knows of a fileset's entries."""

    def __init__(self, *entries: tuple[str, str]) -> None:
        super().__init__(LastingSession(lambda: pytest.fail("asked OMERO"), SystemClock()), "omero:4064")
        self._entries = entries

    def paged_rows(self, hql: str, **_: Parameter) -> Iterator[tuple[Any, ...]]:
        assert "FilesetEntry" in hql
        yield from ((number, *entry) for number, entry in enumerate(self._entries))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "ManagedRepository" / FOLDER).mkdir(parents=True)
    return tmp_path / "ManagedRepository"


def write(path: Path, pixels: NDArray[Any]) -> None:
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata={"axes": "ZYX"})


def sources() -> ImageSources:
    tiff = ImageFormat(name="TIFF", suffixes=(".tif",), source=TiffSource())
    return ImageSources([tiff], folders=NgffSource())


def opened(
    repository: Path,
    *entries: tuple[str, str],
    pixels: NDArray[Any] = PIXELS,
    series: int = 0,
    in_place: tuple[Path, ...] = (),
    image: ArrayImage | None = None,
) -> OpenImage | None:
    image = image or ArrayImage(pixels, name="as in OMERO")
    described = PixelsDescription(id=1, image_id=5, group_id=3, series=series, metadata=image.metadata)
    originals = OriginalFiles(repository=repository, files=sources(), in_place=in_place)
    return originals.open(Entries(*entries), described, image)


def test_the_imported_file_is_read_under_omeros_name(repository: Path) -> None:
    write(repository / FOLDER / "cells.tif", PIXELS)
    image = opened(repository, (f"{FOLDER}/", "cells.tif"), (f"{FOLDER}/", "cells.txt"))
    assert image is not None
    with image:
        assert image.metadata.name == "as in OMERO"
        assert np.array_equal(image.read(z=2, y=slice(3, 30), x=slice(0, 50)), PIXELS[2, 3:30])


def test_an_ome_zarr_is_read_as_a_folder(repository: Path) -> None:
    store = repository / FOLDER / "cells.zarr"
    NgffWriter().write(ArrayImage(PIXELS), store, PyramidSettings(version="0.4"))
    image = opened(repository, (f"{FOLDER}/cells.zarr/", ".zattrs"))
    assert image is not None
    with image:
        assert np.array_equal(image.read(z=1, y=slice(0, 40), x=slice(0, 50)), PIXELS[1])


@pytest.mark.parametrize(
    "pixels",
    [PIXELS[:, :, :49], PIXELS[:2], PIXELS.astype(np.uint8), PIXELS[::-1].copy(), PIXELS + np.uint16(1)],
    ids=["width", "depth", "type", "order of planes", "values"],
)
def test_a_file_that_is_not_the_image_is_not_read(repository: Path, pixels: NDArray[Any]) -> None:
    write(repository / FOLDER / "cells.tif", pixels)
    assert opened(repository, (f"{FOLDER}/", "cells.tif")) is None


def series(path: Path, *images: NDArray[Any]) -> None:
    """Write images that a file has beside each other."""
    with tifffile.TiffWriter(path, ome=True) as file:
        for pixels in images:
            file.write(pixels, photometric="minisblack", metadata={"axes": "ZYX"})


@pytest.mark.parametrize("planes", [1, 4])
@pytest.mark.parametrize("spot", [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)])
def test_another_image_of_the_file_is_not_read_though_its_middle_is_as_blank(
    repository: Path, spot: tuple[int, int], planes: int
) -> None:
    blank = np.zeros((planes, 900, 900), np.uint8)
    cells = blank.copy()
    y, x = (300 * third + 100 for third in spot)
    cells[:, y : y + 100, x : x + 100] = 200
    series(repository / FOLDER / "slide.tif", blank, cells)
    entry = (f"{FOLDER}/", "slide.tif")
    assert opened(repository, entry, pixels=cells, series=0) is None
    image = opened(repository, entry, pixels=cells, series=1)
    assert image is not None
    with image:
        assert np.array_equal(image.read(y=slice(0, 900), x=slice(0, 900)), cells[0])


def test_a_blank_image_is_read_from_its_file_only_if_that_has_no_other(repository: Path) -> None:
    blank = np.full((2, 900, 900), 7, np.uint8)
    series(repository / FOLDER / "one.tif", blank)
    series(repository / FOLDER / "two.tif", blank, blank)
    image = opened(repository, (f"{FOLDER}/", "one.tif"), pixels=blank)
    assert image is not None
    with image:
        assert image.read(y=slice(0, 1), x=slice(0, 1)) == 7
    assert opened(repository, (f"{FOLDER}/", "two.tif"), pixels=blank) is None


class Refused(ArrayImage):
    """An image of an OMERO that does not let in any more."""

    def read(self, **_: Any) -> NDArray[np.generic]:
        raise OmeroLoginError("omero:4064 refused the login")


def test_a_refused_login_says_nothing_of_the_file(repository: Path) -> None:
    write(repository / FOLDER / "cells.tif", PIXELS)
    with pytest.raises(OmeroLoginError):
        opened(repository, (f"{FOLDER}/", "cells.tif"), image=Refused(PIXELS, name="as in OMERO"))


@pytest.mark.parametrize("content", [b"", b"II*\0 no more", b"something else"])
def test_a_file_that_nothing_reads_is_left_to_omero(repository: Path, content: bytes) -> None:
    (repository / FOLDER / "cells.tif").write_bytes(content)
    assert opened(repository, (f"{FOLDER}/", "cells.tif")) is None


def test_a_series_that_the_file_does_not_have_is_left_to_omero(repository: Path) -> None:
    write(repository / FOLDER / "cells.tif", PIXELS)
    assert opened(repository, (f"{FOLDER}/", "cells.tif"), series=1) is None


@pytest.mark.parametrize(
    "entry",
    [("../", "secret.tif"), (f"{FOLDER}/../../../../../", "secret.tif"), (f"{FOLDER}/", "link.tif")],
)
def test_nothing_outside_of_the_repository_is_read(
    repository: Path, entry: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    secret = repository.parent / "secret.tif"
    write(secret, PIXELS)
    (repository / FOLDER / "link.tif").symlink_to(secret)
    assert opened(repository, entry) is None
    assert "leads out of OMERO's repository" in caplog.text


def test_images_that_were_imported_in_place_are_read_where_they_are(repository: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "ann").mkdir(parents=True)
    write(data / "ann" / "cells.tif", PIXELS)
    (repository / FOLDER / "cells.tif").symlink_to(data / "ann" / "cells.tif")
    entry = (f"{FOLDER}/", "cells.tif")
    assert opened(repository, entry) is None
    assert opened(repository, entry, in_place=(tmp_path / "another",)) is None
    assert opened(repository, entry, in_place=(data / "an",)) is None  # a name that begins alike
    (tmp_path / "mounted").symlink_to(data)
    for folders in ((tmp_path / "another", data), (data / "ann",), (tmp_path / "mounted",)):
        image = opened(repository, entry, in_place=folders)
        assert image is not None
        with image:
            assert np.array_equal(image.read(z=1, y=slice(0, 40), x=slice(0, 50)), PIXELS[1])


def test_an_ome_zarr_in_place_is_read_as_a_folder(repository: Path, tmp_path: Path) -> None:
    store = tmp_path / "data" / "cells.zarr"
    NgffWriter().write(ArrayImage(PIXELS), store, PyramidSettings(version="0.4"))
    (repository / FOLDER / "cells.zarr").mkdir()
    (repository / FOLDER / "cells.zarr" / ".zattrs").symlink_to(store / ".zattrs")
    image = opened(repository, (f"{FOLDER}/cells.zarr/", ".zattrs"), in_place=(tmp_path / "data",))
    assert image is not None
    image.__exit__(None, None, None)


@pytest.mark.parametrize("target", ["secret.tif", "data/link.tif", "data/../secret.tif"])
def test_links_that_lead_elsewhere_are_not_followed(repository: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "secret.tif", PIXELS)
    (tmp_path / "data" / "link.tif").symlink_to(tmp_path / "secret.tif")
    (repository / FOLDER / "cells.tif").symlink_to(tmp_path / target)
    assert opened(repository, (f"{FOLDER}/", "cells.tif"), in_place=(tmp_path / "data",)) is None


@pytest.mark.parametrize("folder", ["../data/", f"{FOLDER}/../../../../data/"])
def test_a_path_that_goes_up_does_not_reach_what_only_links_may(
    repository: Path, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "cells.tif", PIXELS)
    assert opened(repository, (folder, "cells.tif"), in_place=(tmp_path / "data",)) is None


@pytest.mark.parametrize(
    "entry", [(f"{FOLDER}/", "gone.tif"), ("/etc/", "passwd"), ("a/", "nul\0l"), ("", "")]
)
def test_files_that_are_not_there_are_left_to_omero(repository: Path, entry: tuple[str, str]) -> None:
    assert opened(repository, entry) is None


def test_an_image_without_files_is_left_to_omero(repository: Path) -> None:
    assert opened(repository) is None


def test_the_repository_itself_may_be_behind_a_link(repository: Path, tmp_path: Path) -> None:
    write(repository / FOLDER / "cells.tif", PIXELS)
    (tmp_path / "mounted").symlink_to(repository)
    image = opened(tmp_path / "mounted", (f"{FOLDER}/", "cells.tif"))
    assert image is not None
    image.__exit__(None, None, None)
