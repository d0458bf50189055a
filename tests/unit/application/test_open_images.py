from __future__ import annotations

from pathlib import Path

import pytest

from biomero.application.open_images import ImageFormat, ImageSources, Signature
from biomero.application.ports.image_source import OpenImage
from biomero.errors import ImageReadError, InputError, UnsupportedImageError


class Reader:
    """A source that takes down what it is asked for, and answers as it is told."""

    def __init__(self, *, images: int = 1, refusal: ImageReadError | None = None) -> None:
        self.asked: list[Path] = []
        self._images = images
        self._refusal = refusal

    def images_in(self, path: Path) -> int:
        self.asked.append(path)
        if self._refusal is not None:
            raise self._refusal
        return self._images

    def open(self, path: Path, *, index: int = 0) -> OpenImage:
        raise AssertionError(path, index)


def tiff(source: Reader) -> ImageFormat:
    signatures = (Signature(magic=b"II*\0"), Signature(magic=b"MM\0*"))
    return ImageFormat(name="TIFF", suffixes=(".tif", ".tiff"), source=source, signatures=signatures)


def png(source: Reader) -> ImageFormat:
    return ImageFormat(
        name="PNG", suffixes=(".png",), source=source, signatures=(Signature(magic=b"PNG", offset=1),)
    )


def raw(source: Reader) -> ImageFormat:
    return ImageFormat(name="raw", suffixes=(".raw",), source=source)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.tif", "A.TIFF", "a b;$(touch pwned)'\"\n.tif"])
def test_the_name_chooses_the_reader(name: str, tmp_path: Path) -> None:
    right, wrong = Reader(images=3), Reader()
    path = written(tmp_path / name, b"II*\0....")
    assert ImageSources([png(wrong), tiff(right)]).images_in(path) == 3
    assert wrong.asked == []


def test_the_content_chooses_where_the_name_lies(tmp_path: Path) -> None:
    right, wrong = Reader(), Reader()
    path = written(tmp_path / "really.png", b"II*\0....")
    ImageSources([png(wrong), tiff(right)]).images_in(path)
    assert right.asked == [path]
    assert wrong.asked == []


def test_the_content_chooses_where_the_name_says_nothing(tmp_path: Path) -> None:
    right = Reader()
    ImageSources([tiff(right)]).images_in(written(tmp_path / "scan", b"MM\0*...."))
    assert right.asked


def test_a_name_whose_content_is_unknown_is_left_to_its_reader(tmp_path: Path) -> None:
    named = Reader(refusal=ImageReadError("a.tif is not a TIFF file"))
    with pytest.raises(ImageReadError, match="not a TIFF"):
        ImageSources([tiff(named)]).images_in(written(tmp_path / "a.tif", b"????"))


def test_a_format_without_a_signature_is_known_by_name(tmp_path: Path) -> None:
    right = Reader()
    ImageSources([tiff(Reader()), raw(right)]).images_in(written(tmp_path / "a.raw", b"\1\2\3"))
    assert right.asked


def test_what_a_reader_does_not_read_goes_to_the_next(tmp_path: Path) -> None:
    first = Reader(refusal=UnsupportedImageError("needs the library x"))
    last = Reader(images=2)
    path = written(tmp_path / "a.tif", b"II*\0....")
    assert ImageSources([tiff(first)], fallback=last).images_in(path) == 2


def test_damage_is_final(tmp_path: Path) -> None:
    first, last = Reader(refusal=ImageReadError("a.tif is truncated")), Reader()
    with pytest.raises(ImageReadError, match="truncated"):
        ImageSources([tiff(first)], fallback=last).images_in(written(tmp_path / "a.tif", b"II*\0...."))
    assert last.asked == []


def test_when_nobody_reads_it_every_reason_is_told(tmp_path: Path) -> None:
    first = Reader(refusal=UnsupportedImageError("no library x"))
    last = Reader(refusal=UnsupportedImageError("no java"))
    with pytest.raises(UnsupportedImageError, match="no library x; no java"):
        ImageSources([tiff(first)], fallback=last).images_in(written(tmp_path / "a.tif", b"II*\0...."))


def test_an_unknown_format_lists_those_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"notes\.txt is of no format .*: TIFF, PNG, OME-Zarr"):
        ImageSources([tiff(Reader()), png(Reader())], folders=Reader()).open(
            written(tmp_path / "notes.txt", b"hello")
        )


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.tif does not exist"):
        ImageSources([tiff(Reader())]).open(tmp_path / "no.tif")


def test_a_link_into_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to("gone.tif")
    with pytest.raises(InputError, match=r"a\.tif is a link to gone\.tif"):
        ImageSources([tiff(Reader())]).open(tmp_path / "a.tif")


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImageReadError, match=r"a\.tif is empty"):
        ImageSources([tiff(Reader())]).open(written(tmp_path / "a.tif", b""))


def test_a_folder_is_not_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    with pytest.raises(InputError, match=r"a\.tif is a folder, not an image"):
        ImageSources([tiff(Reader())], folders=Reader()).open(tmp_path / "a.tif")


@pytest.mark.parametrize(("name", "mark"), [("a.zarr", None), ("A.ZARR", None), ("plain", "zarr.json")])
def test_an_ome_zarr_folder_goes_to_the_source_of_folders(
    name: str, mark: str | None, tmp_path: Path
) -> None:
    folders = Reader(images=4)
    (tmp_path / name).mkdir()
    if mark is not None:
        (tmp_path / name / mark).touch()
    assert ImageSources([tiff(Reader())], folders=folders).images_in(tmp_path / name) == 4
