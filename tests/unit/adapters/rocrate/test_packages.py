from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biomero.adapters.rocrate import RoCrates
from biomero.adapters.rocrate.uris import file_uri, fragment, relative_uri
from biomero.application.crate_packer import portable
from biomero.application.record_json import as_on_disk, safe_text
from biomero.errors import InputError, UnsafePathError

NAMES = st.binary(min_size=1, max_size=40).filter(
    lambda raw: not set(raw) & set(b"\0/") and raw not in {b".", b".."}
)


@pytest.fixture(params=["crate", "crate.zip"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def content_of(crate: Path, place: str) -> bytes:
    if crate.is_dir():
        return (crate / place).read_bytes()
    with zipfile.ZipFile(crate) as archive:
        assert archive.testzip() is None
        return archive.read(place)


def fill(target: Path, content: bytes, *, replace: bool = False) -> None:
    with RoCrates().open(target, replace=replace) as package:
        package.add_bytes(content, "ro-crate-metadata.json")


def test_what_is_packed_is_hashed_and_there(target: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.tif"
    source.write_bytes(os.urandom(3 << 20))
    with RoCrates().open(target) as package:
        packed = package.add_file(source, "labels/deep/a.tif")
        package.add_bytes(b"{}", "ro-crate-metadata.json")
        assert not target.exists()
    assert packed.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert packed.size == 3 << 20
    assert content_of(target, "labels/deep/a.tif") == source.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({target.name, "source.tif"})


def test_a_failure_leaves_nothing_and_what_stood_there_stays(target: Path, tmp_path: Path) -> None:
    fill(target, b"old")
    with pytest.raises(FileNotFoundError), RoCrates().open(target, replace=True) as package:
        package.add_file(tmp_path / "nowhere", "a")
    assert content_of(target, "ro-crate-metadata.json") == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


def test_a_crate_is_replaced_only_when_asked(target: Path) -> None:
    fill(target, b"old")
    with pytest.raises(InputError, match="--force"):
        fill(target, b"new")
    fill(target, b"new", replace=True)
    assert content_of(target, "ro-crate-metadata.json") == b"new"


def test_what_is_no_crate_is_never_replaced(target: Path) -> None:
    if target.suffix:
        target.write_bytes(b"precious")
    else:
        (target / "precious").mkdir(parents=True)
    with pytest.raises(InputError, match="is no RO-Crate"):
        fill(target, b"new", replace=True)
    assert target.exists()
    assert target.is_file() or list(target.iterdir())


def test_a_link_is_not_written_through(target: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError):
        fill(target, b"new", replace=True)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("place", ["../a", "/etc/a", "a/../../b", ""])
def test_nothing_leaves_the_crate(target: Path, place: str) -> None:
    with pytest.raises(UnsafePathError), RoCrates().open(target) as package:
        package.add_bytes(b"x", place)
    assert not target.exists()


@given(raw=NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_a_name_of_any_bytes_is_found_again_by_its_uri(target: Path, raw: bytes) -> None:
    name = os.fsdecode(raw)
    place = portable(name)
    with RoCrates().open(target, replace=True) as package:
        package.add_bytes(b"metadata", "ro-crate-metadata.json")
        package.add_bytes(raw, f"files/{place}")
    uri = relative_uri(f"files/{place}")
    assert uri.isascii()
    assert " " not in uri
    assert content_of(target, unquote(uri)) == raw


@given(raw=NAMES)
def test_uris_are_ascii_and_say_which_file_is_meant(raw: bytes) -> None:
    path = Path("/in") / os.fsdecode(raw)
    uri = file_uri(path)
    assert uri.isascii()
    assert unquote_to_bytes(uri.removeprefix("file://")) == os.fsencode(path)
    assert fragment("parameter", os.fsdecode(raw)).isascii()


@given(raw=NAMES.filter(lambda raw: b"\\udc" not in raw))
def test_a_name_that_the_record_spelt_out_is_found_on_disk(raw: bytes) -> None:
    name = os.fsdecode(raw)
    assert as_on_disk(str(safe_text(name))) == name
