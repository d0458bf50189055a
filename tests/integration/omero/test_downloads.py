"""Attached files over Ice: large ones, sessions that are lost midway, files that OMERO has lost."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from biomero.adapters.omero.download import PIECE_BYTES
from biomero.adapters.omero.session import open_session
from biomero.errors import OmeroObjectError, TransferCorruptError
from services.omero_world import ServerWorld

from .conftest import Lab

pytestmark = pytest.mark.omero

PIECES = 6
CONTENT = b"".join(bytes([number]) * PIECE_BYTES for number in range(PIECES - 1)) + b"the end"


def download(
    world: ServerWorld, lab: Lab, number: int, path: Path, meanwhile: Callable[[int], None] = lambda _: None
) -> None:
    with world.omero.reader(lab.alice.name) as reader:
        (file,) = reader.files([number])
        reader.download(file, path, progress=lambda done, _: meanwhile(done))


def test_a_session_that_is_lost_midway_costs_no_piece_twice(
    world: ServerWorld, lab: Lab, tmp_path: Path
) -> None:
    number = world.file("a.bin", CONTENT, lab.alice, lab.group)
    ended, before = [], world.server.calls("RawFileStore.read")

    def end(done: int) -> None:
        if done in {2 * PIECE_BYTES, 4 * PIECE_BYTES}:
            ended.append(world.server.kill_sessions(lab.alice.name))

    download(world, lab, number, tmp_path / "a.bin", end)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert all(ended)
    assert len(ended) == 2
    assert world.server.calls("RawFileStore.read") - before == PIECES


def test_a_connection_that_breaks_midway_is_made_anew(world: ServerWorld, lab: Lab, tmp_path: Path) -> None:
    number = world.file("a.bin", CONTENT, lab.alice, lab.group)

    def cut(done: int) -> None:
        if done == 3 * PIECE_BYTES:
            world.server.cut("RawFileStore.read")

    download(world, lab, number, tmp_path / "a.bin", cut)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_large_file_is_never_in_memory_whole(world: ServerWorld, lab: Lab, tmp_path: Path) -> None:
    content = bytes(64 << 20)
    number = world.file("a.bin", content, lab.alice, lab.group)
    tracemalloc.start()
    try:
        download(world, lab, number, tmp_path / "a.bin")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "a.bin").stat().st_size == len(content)
    assert peak < 8 * PIECE_BYTES


def test_a_file_that_omero_has_lost_is_named_and_leaves_nothing(
    world: ServerWorld, lab: Lab, tmp_path: Path
) -> None:
    number = world.file("lost.bin", CONTENT, lab.alice, lab.group)
    world.server.fail("RawFileStore.read", "ResourceError")
    with pytest.raises(OmeroObjectError, match=rf"FileAnnotation:{number} \(lost.bin\) cannot be read"):
        download(world, lab, number, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_ends_too_early_is_not_taken(world: ServerWorld, lab: Lab, tmp_path: Path) -> None:
    number = world.file("short.bin", b"short", lab.alice, lab.group)
    with world.omero.reader(lab.alice.name) as reader:
        (file,) = reader.files([number])
        # of hashes that are not known here, only the size is looked at
        other = dataclasses.replace(file, hash_kind="Murmur3-128", hash="0")
        reader.download(other, tmp_path / "a.bin")
        with pytest.raises(TransferCorruptError, match="5 of 9 bytes"):
            reader.download(dataclasses.replace(other, size=9), tmp_path / "b.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_an_annotation_without_its_file_says_so(world: ServerWorld, lab: Lab) -> None:
    from omero.model import FileAnnotationI

    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        made = session.factory.getUpdateService().saveAndReturnObject(FileAnnotationI())
    with (
        world.omero.reader(lab.alice.name) as reader,
        pytest.raises(OmeroObjectError, match=f"FileAnnotation:{made.id.val} has no file"),
    ):
        reader.files([made.id.val])
