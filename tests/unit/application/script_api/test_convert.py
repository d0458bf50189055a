"""Converting the images of a data folder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.script_api.clean_up import clean_up
from biomero.application.script_api.convert import convert_data
from biomero.application.script_api.job_states import job_states
from biomero.application.script_api.read_logs import fetch_conversion_log
from biomero.bootstrap import image_sources
from biomero.errors import ConfigurationError, InputError
from services.command import image_file
from unit.application.script_api.conftest import World


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An OME-Zarr image with a label image inside."""
    image_file(tmp_path / "cell.tif")
    path = tmp_path / "cell.ome.zarr"
    with image_sources().open(tmp_path / "cell.tif") as image:
        NgffWriter().write(image, path, PyramidSettings(version="0.4"))
        (path / "labels").mkdir()
        NgffWriter().write(image, path / "labels/inner.zarr", PyramidSettings(version="0.4"))
    return path


def files(store: Path, name: str) -> dict[str, bytes]:
    return {f"{name}/{p.relative_to(store)}": p.read_bytes() for p in store.rglob("*") if p.is_file()}


def inputs(world: World) -> list[str]:
    return sorted(p.name for p in (world.data / "set/data/in").iterdir())


def test_each_image_becomes_a_tiff_of_its_name(world: World, store: Path) -> None:
    hostile = "a b;$(touch pwned)'\"\n.zarr"
    world.unpacked(
        "set", {**files(store, "cell.ome.zarr"), **files(store, "other.zarr"), **files(store, hostile)}
    )
    job = convert_data(world.session, "set", identity="task")
    assert job is not None
    assert job.ref.array_size == 3
    again = convert_data(world.session, "set", identity="task")
    assert again is not None
    assert again.job_id == job.job_id
    world.end(job.job_id)
    assert job_states(world.session, [job.job_id])[job.job_id] == "COMPLETED"
    assert inputs(world) == ["a b;$(touch pwned)'\"\n.tif", "cell.tif", "other.tif"]
    pixels = tifffile.imread(store.parent / "cell.tif")
    for name in inputs(world):
        assert np.array_equal(tifffile.imread(world.data / "set/data/in" / name), pixels)
    assert sorted(p.name for p in (world.data / "set/data").iterdir()) == ["gt", "in", "out"]
    assert not list(world.folder.rglob("pwned"))
    log = fetch_conversion_log(
        world.session, job.job_id, world.folder / "logs", logfile=f"omero-{job.job_id}_*.log"
    )
    assert Path(log.path).read_text().count("PROGRESS 1/1") == 3
    by_pattern = fetch_conversion_log(world.session, job.job_id, world.folder / "logs", logfile=job.log)
    assert Path(by_pattern.path).name == f"omero-{job.job_id}.log"
    assert convert_data(world.session, "set") is None  # all TIFF now
    empty = fetch_conversion_log(world.session, 0, world.folder / "logs")
    assert Path(empty.path).read_text() == "there was nothing to convert\n"
    assert not clean_up(world.session, job.job_id).whole_folder
    assert inputs(world)


def test_an_image_that_cannot_be_converted_stays_and_fails_the_job(world: World, store: Path) -> None:
    world.unpacked("set", {**files(store, "good.zarr"), "bad.zarr/.zattrs": b"no json"})
    job = convert_data(world.session, "set")
    assert job is not None
    world.end(job.job_id)
    assert job_states(world.session, [job.job_id])[job.job_id] == "FAILED"
    assert inputs(world) == ["bad.zarr", "good.tif"]
    log = fetch_conversion_log(world.session, job.job_id, world.folder / "logs")
    assert "bad.zarr" in Path(log.path).read_text()


def test_a_converter_that_writes_no_tiff_deletes_nothing(world: World, store: Path) -> None:
    folder = world.unpacked("set", files(store, "cell.zarr"))
    job = convert_data(world.session, "set")
    assert job is not None
    script = folder / f"jobs/{job.ref.key}.sh"
    for lie in ("echo no TIFF >{made}", ": >{made}", "true"):
        made = folder / f"data/.{job.ref.key}/0"
        text = script.read_text().replace(sys.executable, str(world.folder / "liar"))
        script.write_text(text)
        liar = world.folder / "liar"
        liar.write_text(f"#!/bin/sh\nmkdir -p '{made}'\n{lie.format(made=repr(str(made / 'cell.tif')))}\n")
        liar.chmod(0o755)
        assert world._run(world.scheduler.submissions[0], 0) != 0
        assert inputs(world) == ["cell.zarr"]


def test_a_result_never_takes_the_place_of_another_image(world: World, store: Path) -> None:
    mine = image_file(world.folder / "mine.tif", seed=7).read_bytes()
    world.unpacked("set", {"cell.tif": mine, **files(store, "cell.zarr"), **files(store, "cell.ome.zarr")})
    job = convert_data(world.session, "set")
    assert job is not None
    world.end(job.job_id)
    assert inputs(world) == ["cell.ome.tif", "cell.tif", "cell.zarr.tif"]
    assert (world.data / "set/data/in/cell.tif").read_bytes() == mine


def test_where_there_is_nothing_to_convert(world: World, store: Path) -> None:
    world.unpacked("set", files(store, "cell.zarr"))
    assert convert_data(world.session, "set", source_format="zarr", target_format="ZARR") is None
    with pytest.raises(ConfigurationError, match="zarr_to_png in \\[CONVERTERS\\]"):
        convert_data(world.session, "set", target_format="png")
    with pytest.raises(InputError, match="no image of the format czi"):
        convert_data(world.session, "set", source_format="czi", target_format="tiff")
    with pytest.raises(InputError):
        convert_data(world.session, "nothing")


@pytest.mark.slow
def test_more_images_than_an_array_takes_share_its_tasks(world: World, store: Path) -> None:
    count = 1003
    world.unpacked("set", {f"{i:04}.zarr/.zattrs": b"x" for i in range(count)} | files(store, "0002.zarr"))
    job = convert_data(world.session, "set")
    assert job is not None
    assert job.ref.array_size == 1000
    assert world._run(world.scheduler.submissions[0], 999) != 0  # one damaged image
    assert world._run(world.scheduler.submissions[0], 2) != 0  # a good one, and a damaged one
    assert "0002.zarr" in inputs(world)
