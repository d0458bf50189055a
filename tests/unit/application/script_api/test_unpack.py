"""Sending and unpacking: what arrives, and what is refused."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from biomero.application.script_api.list_data import list_data
from biomero.application.script_api.send import put_file, transfer_data
from biomero.application.script_api.unpack import unpack_data
from biomero.errors import ConfigurationError, InputError, RemoteCommandError, UnsafePathError
from services.hostile_names import HOSTILE
from unit.application.script_api.conftest import World

IMAGES = {
    "a.ome.zarr/0/0.0": b"chunk",
    "a.ome.zarr/.zattrs": b"{}",
    "b.tif": b"II*\0",
    "c.tiff": b"II*\0",
    "Batch_Image_Export.txt": b"log",
    "deep/d.tif": b"not in the uppermost folder",
}


@pytest.mark.parametrize("tool", ["python3", "unzip", "zip", "$(command -v 7z || command -v 7za)", None])
def test_images_arrive_and_nothing_else(world: World, tool: str | None) -> None:
    world.set(zip_command=tool)
    (world.home / "stray.tif").touch()  # a shell's pattern would have found this one
    sent = transfer_data(world.session, world.zip("set", IMAGES))
    assert Path(sent.remote).read_bytes() == Path(sent.local).read_bytes()
    assert list_data(world.session) == ["set"]
    found = unpack_data(world.session, "set")
    assert sorted(found.names) == ["a.ome.zarr", "b.tif", "c.tiff"]
    assert sorted(found.left_out) == ["Batch_Image_Export.txt", "deep"]
    folder = world.data / "set"
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert names == [
        "data/in/a.ome.zarr/.zattrs",
        "data/in/a.ome.zarr/0/0.0",
        "data/in/b.tif",
        "data/in/c.tiff",
    ]
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["gt", "in", "out"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not list(folder.glob(".*"))


def test_once_again_gives_the_same_and_keeps_what_else_is_there(world: World) -> None:
    folder = world.unpacked("set", IMAGES)
    (folder / "data/in/p1").mkdir()
    (folder / "data/in/b.tif").write_bytes(b"damaged")
    (folder / "data/in/a.ome.zarr/stale").touch()
    unpack_data(world.session, "set.zip")
    assert (folder / "data/in/b.tif").read_bytes() == b"II*\0"
    assert sorted(p.name for p in (folder / "data/in").iterdir()) == ["a.ome.zarr", "b.tif", "c.tiff", "p1"]
    assert not (folder / "data/in/a.ome.zarr/stale").exists()
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("tool", ["python3", "unzip"])
def test_hostile_names_are_only_names(world: World, tool: str) -> None:
    world.set(zip_command=tool)
    names = [f"{n}.tif" for n in HOSTILE if "\\" not in n and "\udcff" not in n and len(n) < 200]
    if tool == "unzip":  # it replaces control characters, as the next test has it
        names = [n for n in names if n.isprintable()]
    folder = world.unpacked("a b$(touch pwned)'", {name: name.encode() for name in names})
    assert {p.name: p.read_bytes() for p in (folder / "data/in").iterdir()} == {
        name: name.encode() for name in names
    }
    assert not list(world.folder.rglob("pwned"))


def test_a_tool_that_changes_names_is_found_out(world: World) -> None:
    world.set(zip_command="unzip")
    transfer_data(world.session, world.zip("set", {"line\nfeed.tif": b"x"}))
    with pytest.raises(RemoteCommandError, match="names that are not those"):
        unpack_data(world.session, "set")
    assert not (world.data / "set/data/in").exists()


@pytest.mark.parametrize(
    "member",
    [
        "../outside.tif",
        "/tmp/outside.tif",
        "a.zarr/../../outside.tif",
        "a.zarr//x",
        "..",
        "a\\..\\b.tif",
        "c:x.tif",
    ],
)
def test_members_that_could_leave_are_refused_whole(world: World, member: str) -> None:
    transfer_data(world.session, world.zip("set", {"good.tif": b"x", member: b"x"}))
    with pytest.raises(UnsafePathError, match="could leave its folder"):
        unpack_data(world.session, "set")
    assert not (world.data / "set").exists()


def test_links_are_refused(world: World) -> None:
    path = world.zip("set", {"good.tif": b"x"})
    link = zipfile.ZipInfo("a.zarr")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
        archive.writestr("a.zarr/passwd", "x")
    transfer_data(world.session, path)
    with pytest.raises(UnsafePathError, match="is a link"):
        unpack_data(world.session, "set")


@pytest.mark.parametrize("tool", ["python3", "unzip"])
def test_a_damaged_zip_leaves_nothing_under_the_final_name(world: World, tool: str) -> None:
    world.set(zip_command=tool)
    path = world.zip("set", {"a.tif": b"a" * 1000, "b.tif": b"b" * 1000})
    content = bytearray(path.read_bytes())
    content[content.index(b"b" * 100)] ^= 1
    path.write_bytes(content)
    transfer_data(world.session, path)
    with pytest.raises(RemoteCommandError, match="could not unpack"):
        unpack_data(world.session, "set")
    assert [p.name for p in (world.data / "set").rglob("*")] == []


def test_half_a_zip_is_no_zip(world: World) -> None:
    path = world.zip("set", IMAGES)
    path.write_bytes(path.read_bytes()[:-30])
    transfer_data(world.session, path)
    with pytest.raises(InputError, match="not a whole zip"):
        unpack_data(world.session, "set")


def test_a_zip_without_images_says_what_it_has(world: World) -> None:
    transfer_data(world.session, world.zip("set", {"notes.txt": b"x"}))
    with pytest.raises(InputError, match=r"no image .* it has notes\.txt"):
        unpack_data(world.session, "set")


def test_a_large_table_of_contents_is_read_in_pieces(world: World) -> None:
    many = {f"a.zarr/{number:05}/{'x' * 60}": b"" for number in range(5000)}
    folder = world.unpacked("set", many)
    assert len(list((folder / "data/in/a.zarr").iterdir())) == 5000


def test_names_of_data_folders_stay_in_the_data_folder(world: World) -> None:
    for name in ("../x", "a/b", ".hidden", "", "..", "runs", "cache"):
        with pytest.raises(UnsafePathError):
            unpack_data(world.session, name)
    with pytest.raises(InputError, match="there is no file"):
        unpack_data(world.session, "nothing")


def test_a_link_in_place_of_the_data_folder_is_not_followed(world: World) -> None:
    transfer_data(world.session, world.zip("set", IMAGES))
    elsewhere = world.folder / "elsewhere"
    elsewhere.mkdir()
    (world.data / "set").symlink_to(elsewhere)
    with pytest.raises(RemoteCommandError, match="symbolic link"):
        unpack_data(world.session, "set")
    assert not list(elsewhere.iterdir())


def test_a_program_that_packs_nothing_is_a_wrong_setting(world: World) -> None:
    for program in ("7z; touch pwned", "rm", "$(touch pwned)/7z"):
        world.set(zip_command=program)
        with pytest.raises(ConfigurationError, match="slurm_zip_cmd"):
            unpack_data(world.session, "set")


def test_no_tool_at_all_is_said(world: World) -> None:
    world.set(zip_command="/nowhere/7z")
    transfer_data(world.session, world.zip("set", IMAGES))
    with pytest.raises(RemoteCommandError, match="none of"):
        unpack_data(world.session, "set")


def test_a_file_goes_where_the_caller_wants_it(world: World) -> None:
    model = world.folder / "model.pt"
    model.write_bytes(b"weights")
    folder = world.unpacked("set", IMAGES)
    (folder / "data/in/p1").mkdir()
    for remote in (
        "scratch/data/set/data/in/p1",
        "scratch/data/set/data/in/p1/",
        f"{folder}/data/in/p1/model.pt",
    ):
        (folder / "data/in/p1/model.pt").unlink(missing_ok=True)
        assert put_file(world.session, model, remote).remote.endswith("p1/model.pt")
        assert (folder / "data/in/p1/model.pt").read_bytes() == b"weights"
    put_file(world.session, model, "renamed.pt")
    assert (world.home / "renamed.pt").read_bytes() == b"weights"


def test_a_folder_is_sent_whole(world: World) -> None:
    local = world.folder / "images"
    (local / "a.zarr/0").mkdir(parents=True)
    (local / "a.zarr/0/0.0").write_bytes(b"chunk")
    transfer_data(world.session, local)
    assert (world.data / "images/a.zarr/0/0.0").read_bytes() == b"chunk"
    with pytest.raises(InputError):
        transfer_data(world.session, world.folder / "missing.zip")
