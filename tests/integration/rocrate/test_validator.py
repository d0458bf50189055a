"""Crates of all kinds of runs, before a real validator."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.bootstrap import make_crate_writer
from biomero.domain.ids import RunId
from services.crate_validator import CrateValidator
from services.past_runs import Asked, Home, past_run

OUTPUTS = {"labels/a b.ome.tif": b"labels", "zarr/a.ome.zarr": b"chunk", "tables/a.csv": b"area\n1\n"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.at(tmp_path)
    yield home
    home.record.close()


def crate_of(home: Home, run_id: RunId, name: str = "crate", *, with_inputs: bool = False) -> Path:
    path = home.path / name
    make_crate_writer(home.settings).write(run_id, path, with_inputs=with_inputs)
    return path


def test_a_run_with_everything_is_valid(home: Home, validator: CrateValidator) -> None:
    folder = home.image("b.zarr/0/1", b"one").parents[1]
    asked = Asked(
        parameters={"level": float("inf"), "note": "$(x)\n", "flag": True},
        attachments={"mask": (home.image("mask.tif"),)},
        runtime="apptainer",
        container_image="ghcr.io/org/threshold:1.2",
    )
    run_id = past_run(home, (home.image("a.tif"), folder), OUTPUTS, asked=asked)
    assert validator.complaints(crate_of(home, run_id)) == ""
    assert validator.complaints(crate_of(home, run_id, "whole.zip", with_inputs=True)) == ""


def test_names_of_any_bytes_are_valid(home: Home, validator: CrateValidator) -> None:
    names = [os.fsdecode(raw) for raw in (b"caf\xe9 \n.tif", b"a:b#c?d%41&'\"<>\\ .tif", "é漢.tif".encode())]
    images = tuple(home.image(name) for name in names)
    run_id = past_run(home, images, {f"files/{name}": b"x" for name in names})
    assert validator.complaints(crate_of(home, run_id)) == ""
    assert validator.complaints(crate_of(home, run_id, "whole", with_inputs=True)) == ""


def test_a_crate_with_findings_is_valid(home: Home, validator: CrateValidator) -> None:
    run_id = past_run(home, (home.image("a.tif"),), OUTPUTS)
    (home.path / "results/tables/a.csv").unlink()
    (home.path / "results/labels/a b.ome.tif").write_bytes(b"tampered")
    assert validator.complaints(crate_of(home, run_id)) == ""


def test_a_cancelled_run_without_results_is_valid(home: Home, validator: CrateValidator) -> None:
    run_id = past_run(home, (home.image("a.tif"),), {}, end="cancelled")
    assert validator.complaints(crate_of(home, run_id)) == ""


def test_the_validator_would_complain(home: Home, validator: CrateValidator) -> None:
    run_id = past_run(home, (home.image("a.tif"),), OUTPUTS)
    crate = crate_of(home, run_id)
    (crate / "tables/a.csv").unlink()
    assert "tables/a.csv" in validator.complaints(crate)
    metadata = crate / "ro-crate-metadata.json"
    document = json.loads(metadata.read_bytes())
    for entity in document["@graph"]:
        entity.pop("instrument", None)
    with zipfile.ZipFile(home.path / "broken.zip", "w") as archive:
        archive.writestr("ro-crate-metadata.json", json.dumps(document))
    assert "instrument" in validator.complaints(home.path / "broken.zip")
