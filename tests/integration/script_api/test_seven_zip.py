"""Packing and unpacking with a real 7z, as many clusters have it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from biomero.application.script_api.results import zip_results
from biomero.application.script_api.send import transfer_data
from biomero.application.script_api.unpack import unpack_data
from biomero.errors import RemoteCommandError
from services.container_fixtures import reachable_cache
from services.debian import PackageSource
from unit.application.script_api.conftest import World


@pytest.fixture(scope="session")
def seven_zip() -> Path:
    """Return 7z as Debian has it."""
    folder = reachable_cache() / "p7zip"
    program = folder / "usr/lib/p7zip/7z"
    if not program.exists():
        with PackageSource(folder / "packages", release="bookworm") as debian:
            debian.unpack(("p7zip-full",), folder)
    return program


def test_images_come_out_and_results_go_in(world: World, seven_zip: Path) -> None:
    world.set(zip_command=str(seven_zip))
    names = ["ü 図.tif", "-x;'.tif", "a $(touch pwned).tif"]
    members = {**{name: name.encode() for name in names}, "a.ome.zarr/0/0.0": b"chunk", "deep/d.tif": b""}
    folder = world.unpacked("set $(touch pwned)", members)
    found = {p.name: p.read_bytes() for p in (folder / "data/in").iterdir() if p.is_file()}
    assert found == {name: name.encode() for name in names}
    assert (folder / "data/in/a.ome.zarr/0/0.0").read_bytes() == b"chunk"
    assert not (folder / "data/in/deep").exists()

    (world.home / "secret").write_text("secret key")
    (folder / "data/out/stolen.tif").symlink_to(world.home / "secret")
    for name in names:
        (folder / "data/out" / name).write_bytes(name.encode())
    packed = Path(zip_results(world.session, str(folder), "1_out"))
    assert b"secret key" not in packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert {name: archive.read(name) for name in names} == found
    assert not list(world.folder.rglob("pwned"))


def test_a_damaged_zip_leaves_nothing_under_the_final_name(world: World, seven_zip: Path) -> None:
    world.set(zip_command=str(seven_zip))
    path = world.zip("set", {"a.tif": b"a" * 1000, "b.tif": b"b" * 1000})
    content = bytearray(path.read_bytes())
    content[content.index(b"b" * 100)] ^= 1
    path.write_bytes(content)
    transfer_data(world.session, path)
    with pytest.raises(RemoteCommandError, match="could not unpack"):
        unpack_data(world.session, "set")
    assert not list((world.data / "set").rglob("*"))
