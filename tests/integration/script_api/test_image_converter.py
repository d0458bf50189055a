"""Converters that a facility names: container images, which take one path and write beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from biomero.adapters.containers.apptainer import ApptainerRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.application.script_api.convert import convert_data
from biomero.application.script_api.job_states import job_states
from biomero.errors import ContainerImageError
from services.sif import pack
from unit.application.script_api.conftest import World

pytestmark = pytest.mark.apptainer

_CONVERT = """\
#!/bin/sh
# As the published converter does: the first key of the store becomes a part of the name.
[ -f "$1/.zattrs" ] || exit 1
printf 'II*\\0converted' >"${1%.zarr}.0.tif"
"""


@pytest.fixture
def facility(world: World, apptainer: Path, tiny_root: Path, tmp_path: Path) -> World:
    root = tmp_path / "root"
    shutil.copytree(tiny_root, root, symlinks=True)
    (root / "bin/convert").write_text(_CONVERT)
    (root / "bin/convert").chmod(0o755)
    converters = world.home / "converters"
    converters.mkdir()
    pack(apptainer, root, converters / "convert_zarr_to_tiff_1.14.0.sif", start=("/bin/convert",))
    world.set(converters_path="converters", container_executable=str(apptainer))
    world.converters = {"zarr_to_tiff": "cellularimagingcf/convert_zarr_to_tiff:1.14.0"}

    def runtime(name: str, *, python: str | None, image: str | None) -> ApptainerRuntime:  # noqa: ARG001 - the port's
        shell = LocalShell(home=world.home)
        return ApptainerRuntime(shell, "images", executable=str(apptainer), image_override=image)

    world.runtime = runtime
    return world


def test_a_facility_s_converter_converts_and_good_images_go(facility: World) -> None:
    hostile = "a b;$(touch pwned)'\"\n.zarr"
    folder = facility.unpacked(
        "set", {"a.zarr/.zattrs": b"{}", f"{hostile}/.zattrs": b"{}", "bad.zarr/x": b"no store"}
    )
    job = convert_data(facility.session, "set")
    assert job is not None
    facility.end(job.job_id)
    assert job_states(facility.session, [job.job_id])[job.job_id] == "FAILED"
    names = sorted(p.name for p in (folder / "data/in").iterdir())
    assert names == ["a b;$(touch pwned)'\"\n.0.tif", "a.0.tif", "bad.zarr"]
    assert (folder / "data/in/a.0.tif").read_bytes() == b"II*\0converted"
    assert (folder / "data/in/bad.zarr/x").exists()
    assert not list(facility.folder.rglob("pwned"))


def test_a_converter_that_is_not_on_the_cluster_is_said_before_anything_runs(facility: World) -> None:
    facility.unpacked("set", {"a.zarr/.zattrs": b"{}"})
    facility.converters = {"zarr_to_tiff": "cellularimagingcf/convert_zarr_to_tiff:2.0"}
    with pytest.raises(ContainerImageError, match=r"convert_zarr_to_tiff_2\.0\.sif"):
        convert_data(facility.session, "set")
    assert not facility.scheduler.submissions
