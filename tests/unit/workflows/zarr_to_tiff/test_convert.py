from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorstore as ts
import tifffile

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.testing.images import ArrayImage, GeneratedImage
from services.zarr_to_tiff import FOLDER, load, run


def pixels(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(5).integers(0, 200, shape).astype(dtype)


@pytest.fixture
def infolder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def outfolder(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(folder: Path, name: str, image: ArrayImage | GeneratedImage) -> None:
    NgffWriter().write(image, folder / name, PyramidSettings(version="0.5"))


def test_the_items_of_a_task_are_converted_and_reported(infolder: Path, outfolder: Path) -> None:
    names = [f"{i} $(x);'.ome.zarr" for i in range(3)]
    for name in names:
        write(infolder, name, ArrayImage(pixels(2, 20, 30), "cyx"))
    done, report = run(infolder, outfolder, {n: f"{n}.tif" for n in names}, "--task", "0", "--tasks", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["PROGRESS 1/2", "PROGRESS 2/2"]
    assert [(r["source"], r["ok"], r["error"]) for r in report] == [
        (names[0], True, None),
        (names[2], True, None),
    ]
    assert sorted(p.name for p in outfolder.iterdir()) == [f"{names[0]}.tif", f"{names[2]}.tif"]
    assert report[0]["bytes"] == (outfolder / f"{names[0]}.tif").stat().st_size
    assert (infolder / names[0] / "zarr.json").exists()


def test_a_bad_image_does_not_stop_the_others(infolder: Path, outfolder: Path) -> None:
    write(infolder, "good.ome.zarr", ArrayImage(pixels(20, 30), "yx"))
    write(infolder, "bad.ome.zarr", ArrayImage(pixels(20, 30), "yx"))
    (infolder / "bad.ome.zarr" / "0" / "c" / "0" / "0").write_bytes(b"cut off")
    items = {f"{n}.ome.zarr": f"{n}.tif" for n in ("bad", "missing", "good")}
    done, report = run(infolder, outfolder, {**items, "../x": "x.tif", "good.ome.zarr/": "../x.tif"})
    assert done.returncode == 3
    assert [r["ok"] for r in report] == [False, False, True, False, False]
    assert "bad.ome.zarr" in report[0]["error"]
    assert "neither zarr.json nor .zattrs" in report[1]["error"]
    assert "leads out of" in report[3]["error"]
    assert [p.name for p in outfolder.iterdir()] == ["good.tif"]


def test_arguments_that_make_no_sense_are_status_2(infolder: Path, outfolder: Path) -> None:
    assert run(infolder, outfolder, {}, "--task", "2", "--tasks", "2")[0].returncode == 2
    assert run(infolder / "nope", outfolder, {})[0].returncode == 2
    folders = ["--infolder", str(infolder), "--outfolder", str(outfolder)]
    command = [sys.executable, str(FOLDER / "convert.py"), *folders, "--list", "nope"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "nope" in done.stderr


@pytest.mark.parametrize("dtype", ["complex64", "int64", "uint64", "float16"])
def test_pixel_types_that_tiff_does_not_have_are_refused(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "a.zarr"
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": str(path / "0")}, "create": True}
    ts.open(spec, dtype=dtype, shape=[4, 4]).result().write(np.ones((4, 4), dtype)).result()
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1]}]}
    axes = [{"name": a, "type": "space"} for a in "yx"]
    (path / ".zattrs").write_text(json.dumps({"multiscales": [{"axes": axes, "datasets": [level]}]}))
    image = load("zarr_image").open_image(path)
    with pytest.raises(load("zarr_image").UnusableImageError, match=f"{dtype} pixels do not fit"):
        load("ome_tiff").convert(image, tmp_path / "a.tif", memory=2**30)
    assert not (tmp_path / "a.tif").exists()


@pytest.mark.parametrize("is_rgb", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "bool", "float32"])
def test_a_plane_that_does_not_fit_is_written_as_tiles(tmp_path: Path, dtype: str, *, is_rgb: bool) -> None:
    image = ArrayImage(pixels(2, 3, 1100, 1300, dtype=dtype), "tcyx", is_rgb=is_rgb)
    NgffWriter().write(image, tmp_path / "a.zarr", PyramidSettings(version="0.4"))
    pieces = load("pieces")
    opened = load("zarr_image").open_image(tmp_path / "a.zarr")
    samples = 3 if is_rgb and dtype != "bool" else 1
    tile = 1024 * 1024 * samples * image.pixels.itemsize
    threads = load("zarr_image").decoding_threads()
    memory = 4 * (2 if samples == 3 else 1) * tile + 2 * threads * 1024 * 1024 * image.pixels.itemsize
    assert pieces.plan_cut(opened, memory=memory, as_rgb=samples == 3).tile == (1024, 1024)
    load("ome_tiff").convert(opened, tmp_path / "a.tif", memory=memory)
    found = tifffile.imread(tmp_path / "a.tif")
    expected = np.moveaxis(image.pixels, 1, -1) if samples == 3 else image.pixels
    np.testing.assert_array_equal(found, expected)


def test_chunks_that_do_not_fit_are_refused_with_the_memory_that_would_do(tmp_path: Path) -> None:
    write(tmp_path, "a.zarr", ArrayImage(pixels(1100, 1300), "yx"))
    opened = load("zarr_image").open_image(tmp_path / "a.zarr")
    with pytest.raises(load("zarr_image").UnusableImageError, match=r"need about \d+ MiB of memory"):
        load("pieces").plan_cut(opened, memory=2**20, as_rgb=False)


def test_large_files_are_bigtiff_and_small_ones_are_not(tmp_path: Path) -> None:
    write(tmp_path, "a.zarr", ArrayImage(pixels(40, 40), "yx"))
    ome_tiff, opened = load("ome_tiff"), load("zarr_image").open_image(tmp_path / "a.zarr")
    ome_tiff.convert(opened, tmp_path / "a.tif", memory=2**30)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert not tiff.is_bigtiff
    assert ome_tiff._stored_size(opened, None) < ome_tiff.CLASSIC_LIMIT
    wide = type(opened)(**{f: getattr(opened, f) for f in opened.__slots__} | {"shape": (46000, 46000)})
    assert ome_tiff._stored_size(wide, None) > ome_tiff.CLASSIC_LIMIT


def test_a_disk_that_is_full_leaves_no_file(infolder: Path, outfolder: Path) -> None:
    write(infolder, "a.ome.zarr", ArrayImage(pixels(300, 300), "yx"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        done, report = run(infolder, outfolder, {"a.ome.zarr": "a.tif"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.returncode == 3
    assert "a.tif cannot be written" in report[0]["error"]
    assert list(outfolder.iterdir()) == []


def test_a_file_that_differs_from_what_was_written_is_noticed(tmp_path: Path) -> None:
    write(tmp_path, "a.zarr", ArrayImage(pixels(2, 40, 40), "zyx"))
    ome_tiff, opened = load("ome_tiff"), load("zarr_image").open_image(tmp_path / "a.zarr")
    checksums = ome_tiff._write(opened, tmp_path / "a.tif", memory=2**30)
    ome_tiff._check(opened, tmp_path / "a.tif", checksums)
    content = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        content[tiff.pages[1].dataoffsets[0] + 100] ^= 1
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(load("zarr_image").UnusableImageError, match="page 1"):
        ome_tiff._check(opened, tmp_path / "a.tif", checksums)


def test_names_that_xml_cannot_hold_are_made_readable(tmp_path: Path) -> None:
    write(tmp_path, "a.zarr", ArrayImage(pixels(40, 40), "yx", name='a\x00b\x1bc<>&"'))
    load("ome_tiff").convert(
        load("zarr_image").open_image(tmp_path / "a.zarr"), tmp_path / "a.tif", memory=2**30
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        assert 'Name="a\ufffdb\ufffdc&lt;&gt;&amp;&quot;"' in (tiff.ome_metadata or "")


def test_the_descriptor_is_valid_and_names_every_option() -> None:
    models = importlib.import_module("biomero_schema.models")  # it ships no types
    schema = models.WorkflowSchema.model_validate_json((FOLDER / "descriptor.json").read_text())
    assert schema.requires_zarr
    usage = subprocess.run(
        [sys.executable, str(FOLDER / "convert.py"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    for parameter in schema.inputs:
        assert f"{parameter.command_line_flag} " in usage
        assert str(parameter.value_key) in schema.command_line
