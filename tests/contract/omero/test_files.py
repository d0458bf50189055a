"""Attached files: what OMERO says of them, and their bytes."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from biomero.application.ports.omero import OutputKey, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroUser
from biomero.errors import OmeroObjectError, TransferCorruptError, TransferError
from services.omero_world import OmeroWorld

CONTENT = bytes(range(256)) * 20_000 + b"the last piece is a small one"
"""More than one piece."""


@pytest.fixture
def lab(world: OmeroWorld) -> OmeroGroup:
    return world.group("lab", GroupAccess.READ_ANNOTATE)


@pytest.fixture
def alice(world: OmeroWorld, lab: OmeroGroup) -> OmeroUser:
    return world.user("alice", lab)


def test_a_file_is_told_of_by_its_annotation(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    numbers = [world.file(name, name.encode(), alice, lab) for name in ("a/b: ü.csv", "a.csv", "a.csv")]
    with world.omero.reader(alice.name) as reader:
        files = reader.files([numbers[2], *numbers])
    assert [file.id for file in files] == [numbers[2], *numbers]
    named = files[1]
    assert (named.name, named.size) == ("a/b: ü.csv", len("a/b: ü.csv".encode()))
    assert (named.owner_id, named.group_id) == (alice.id, lab.id)
    assert (named.hash_kind, named.hash) == ("SHA1-160", hashlib.sha1("a/b: ü.csv".encode()).hexdigest())  # noqa: S324 - OMERO's default
    assert not named.is_table


@pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "small", "in-pieces"])
def test_a_file_comes_as_it_is(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser, tmp_path: Path, content: bytes
) -> None:
    number, told = world.file("a.bin", content, alice, lab), [(0, 0)]
    with world.omero.reader(alice.name) as reader:
        (file,) = reader.files([number])
        reader.download(file, tmp_path / "here.bin", progress=lambda *so_far: told.append(so_far))
    assert (tmp_path / "here.bin").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["here.bin"]
    assert told[-1] == (len(content), len(content))
    assert told == sorted(told)


def test_a_file_of_a_group_that_is_not_the_users_default_one_comes_too(
    world: OmeroWorld, lab: OmeroGroup, tmp_path: Path
) -> None:
    other = world.group("other", GroupAccess.PRIVATE)
    bob = world.user("bob", lab, other)
    number = world.file("a.csv", b"1", bob, other)
    with world.omero.reader(bob.name) as reader:
        (file,) = reader.files([number])
        reader.download(file, tmp_path / "a.csv")
    assert file.group_id == other.id
    assert (tmp_path / "a.csv").read_bytes() == b"1"


def test_an_annotation_that_is_not_there_is_named(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    number = world.file("a.csv", b"1", alice, lab)
    with (
        world.omero.reader(alice.name) as reader,
        pytest.raises(OmeroObjectError, match="no FileAnnotation:987654321"),
    ):
        reader.files([number, 987654321])


@pytest.mark.parametrize("access", list(GroupAccess)[:4], ids=lambda a: a.value)
def test_a_file_is_read_by_whom_its_group_lets_see_it(
    world: OmeroWorld, access: GroupAccess, tmp_path: Path
) -> None:
    group = world.group("shared", access)
    ann, bob = world.user("ann", group), world.user("bob", group)
    number = world.file("of bob", b"1", bob, group)
    with world.omero.reader(ann.name) as reader:
        if access is GroupAccess.PRIVATE:
            with pytest.raises(OmeroObjectError, match=f"no FileAnnotation:{number}"):
                reader.files([number])
            return
        reader.download(reader.files([number])[0], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"1"


def test_whoever_is_no_member_reads_nothing_even_who_knows_the_file(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    stranger = world.user("stranger", world.group("elsewhere", GroupAccess.READ_WRITE))
    number = world.file("a.csv", b"1", alice, lab)
    with world.omero.reader(alice.name) as reader:
        (file,) = reader.files([number])
    with world.omero.reader(stranger.name) as reader:
        with pytest.raises(OmeroObjectError, match=str(number)):
            reader.files([number])
        with pytest.raises(OmeroObjectError, match=str(number)):
            reader.download(file, tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_annotation_that_is_no_file_says_what_it_is(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    image = world.image("a", alice, lab)
    with world.omero.writer(alice.name, group_id=lab.id) as writer:
        key = OutputKey(run_id=RunId("r"), output="map")
        made = writer.put_map(key, namespace="n", pairs=[("a", "b")], targets=[image])
    with (
        world.omero.reader(alice.name) as reader,
        pytest.raises(OmeroObjectError, match=f"Annotation:{made.id} is no file, it is a MapAnnotation"),
    ):
        reader.files([made.id])


def test_a_table_of_omeros_is_told_from_a_file(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    image = world.image("a", alice, lab)
    with world.omero.writer(alice.name, group_id=lab.id) as writer:
        key = OutputKey(run_id=RunId("r"), output="table")
        columns = [TableColumn(name="area", kind="double", values=[1.5])]
        made = writer.put_table(key, columns, name="cells.csv", targets=[image])
    with world.omero.reader(alice.name) as reader:
        (file,) = reader.files([made.id])
    assert file.is_table
    assert file.name == "cells.csv"


def test_what_is_another_file_now_is_refused_and_leaves_nothing(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    number = world.file("a.csv", b"what it is", alice, lab)
    with world.omero.reader(alice.name) as reader:
        (file,) = reader.files([number])
        other = dataclasses.replace(file, hash=hashlib.sha1(b"what it was").hexdigest())  # noqa: S324 - OMERO's default
        with pytest.raises(TransferCorruptError, match=r"a\.csv"):
            reader.download(other, tmp_path / "a.csv")
        with pytest.raises(TransferCorruptError, match=r"a\.csv"):
            reader.download(dataclasses.replace(file, size=4000), tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_said(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    number = world.file("a.csv", b"1", alice, lab)
    with world.omero.reader(alice.name) as reader:
        (file,) = reader.files([number])
        with pytest.raises(TransferError, match="nowhere"):
            reader.download(file, tmp_path / "nowhere" / "a.csv")
        (tmp_path / "a.csv").mkdir()
        with pytest.raises(TransferError):
            reader.download(file, tmp_path / "a.csv")
