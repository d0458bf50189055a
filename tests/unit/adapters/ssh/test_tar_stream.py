"""Streams of files, friendly and evil."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.adapters.ssh.tar_stream import header, receive_tar, tar_stream
from biomero.application.arrivals import Arrivals
from biomero.application.ports.transfer import RemoteFile
from biomero.application.source_files import SourceFile
from biomero.errors import TransferError, UnsafePathError

NAMES = st.lists(
    st.binary(min_size=1, max_size=200).map(
        lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"_").decode(errors="surrogateescape")
    ),
    min_size=1,
    max_size=3,
).map("/".join)


def in_pieces(data: bytes, size: int = 700) -> Callable[[], bytes]:
    stream = io.BytesIO(data)
    return lambda: stream.read(size)


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> bytes:
    made = tarfile.TarInfo(name)
    made.type = kind
    made.linkname = target
    made.size = size
    return made.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def fetch(stream: bytes, names: list[str], folder: Path) -> list[RemoteFile]:
    with Arrivals(folder) as arrivals:
        receive_tar(in_pieces(stream), names, arrivals)
        return arrivals.publish()


@settings(max_examples=200, deadline=None)
@given(NAMES, st.integers(min_value=0, max_value=2**40), st.booleans())
def test_a_header_says_name_and_size_exactly(name: str, size: int, is_executable: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    made = io.BytesIO(header(name, size, is_executable=is_executable))
    with tarfile.open(fileobj=made, mode="r|", errors="surrogateescape") as archive:
        read = archive.next()
    assert read is not None
    assert (read.name, read.size, read.isreg()) == (f"./{name}", size, True)
    assert bool(read.mode & 0o100) == is_executable


def test_files_sent_are_files_received(tmp_path: Path) -> None:
    contents = {"a": b"", "b/c": b"x" * 511, "b/d": bytes(3_000_000), "n" * 200: b"y" * 512}
    sources = []
    for number, (name, content) in enumerate(contents.items()):
        (tmp_path / str(number)).write_bytes(content)
        sources.append(SourceFile(path=tmp_path / str(number), name=name, is_executable=False))
    sent: list[RemoteFile] = []
    pieces = list(tar_stream(sources, sent.append))
    assert max(map(len, pieces)) < 2**21 + 1024
    received = fetch(b"".join(pieces), list(contents), tmp_path / "out")
    assert received == sent
    assert {name: (tmp_path / "out" / name).read_bytes() for name in contents} == contents


@pytest.mark.parametrize(
    "stream",
    [
        entry("/etc/evil"),
        entry("../evil"),
        entry("./a/../../evil"),
        entry("evil"),
        entry("a") + entry("a"),
        entry("./a") + entry("a"),
        entry("a", tarfile.SYMTYPE, "/etc/passwd"),
        entry("a", tarfile.LNKTYPE, "/etc/passwd"),
        entry("a", tarfile.CHRTYPE),
        entry("a", tarfile.BLKTYPE),
        entry("a", tarfile.FIFOTYPE),
        entry("a", tarfile.DIRTYPE),
        entry("a", tarfile.CONTTYPE),
        entry("a", tarfile.GNUTYPE_SPARSE),
        entry("a", tarfile.XHDTYPE),
        entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=8)
        + b"../evil\0".ljust(512, b"\0")
        + entry("a"),
        entry("././@LongLink", tarfile.GNUTYPE_LONGNAME, size=2**40),
        entry("././@LongLink", tarfile.GNUTYPE_LONGLINK, size=8) + b"/etc/pwd".ljust(512, b"\0") + entry("a"),
    ],
)
def test_nothing_but_the_regular_files_asked_for_is_let_in(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises((UnsafePathError, TransferError)):
        fetch(stream + bytes(10240), ["a"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        bytes(1024),
        b"bash: tar: command not found\n",
        entry("a", size=5000) + bytes(600),
        entry("a", size=5000)[:300],
        bytes(range(256)) * 8,
    ],
)
def test_a_damaged_stream_leaves_nothing(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises(TransferError):
        fetch(stream, ["a"], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
