"""Clients of OMERO, unmodified, do at the test server what they do at OMERO."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.omero_server import PASSWORD, OmeroServer

PIXELS = np.arange(2 * 2 * 8 * 9, dtype="uint16").reshape(1, 2, 2, 8, 9)
FIELD = np.full((1, 1, 1, 16, 16), 7, "uint8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """What alice has."""

    image: int
    dataset: int
    plate: int


@pytest.fixture(scope="module")
def lab(omero_server: OmeroServer) -> Lab:
    omero_server.add_group("lab", "rwra--")
    omero_server.add_user("alice", ["lab"])
    project = omero_server.add_container("Project", "P", owner="alice", group="lab")
    dataset = omero_server.add_container("Dataset", "D", owner="alice", group="lab", project=project)
    channels = [{"name": "DAPI", "colour": [0, 0, 255]}, {"name": "GFP", "colour": [0, 255, 0]}]
    image = omero_server.add_image(
        "cells.tif", PIXELS, owner="alice", group="lab", dataset=dataset, channels=channels, pixel_size_um=0.5
    )
    wells = {(0, 0): [FIELD], (1, 2): [FIELD, FIELD + 1]}
    plate = omero_server.add_plate("plate", wells, owner="alice", group="lab", size=(2, 3))
    return Lab(image=image, dataset=dataset, plate=plate)


def _run(server: OmeroServer, lab: Lab, module: str) -> Any:
    login = (server.host, str(server.tls_port), PASSWORD)
    done = server.run(
        "-m", f"services.omero_clients.{module}", *login, str(lab.image), str(lab.dataset), str(lab.plate)
    )
    assert done.returncode == 0, done.stderr[-4000:] + server.log[-2000:]
    return json.loads(done.stdout.splitlines()[-1])  # tools print what they do before it


def _cli(server: OmeroServer, folder: Path, *words: str) -> None:
    """Run OMERO's command line; it keeps its session in the folder."""
    login = ("login", "-s", server.url, "-u", "alice", "-w", PASSWORD)
    for command in (login, words):
        # as root, whom its own start refuses
        entry = "import sys; from omero.cli import argv; sys.argv[0] = 'omero'; sys.exit(argv())"
        env = {"OMERO_SESSIONDIR": str(folder / "sessions"), "OMERODIR": str(server.folder)}
        done = server.run("-c", entry, *command, cwd=folder, env=env)
        assert done.returncode == 0, done.stdout + done.stderr[-4000:] + server.log[-2000:]


def test_the_gateway_of_omero_py(omero_server: OmeroServer, lab: Lab) -> None:
    said = _run(omero_server, lab, "gateway")
    assert said["lists"] == {
        "user": "alice",
        "full name": "Alice Test",
        "group": "lab",
        "groups": ["lab"],
        "projects": {"P": ["D"]},
        "images": ["cells.tif"],
        "by name": True,
        "parent": "D",
        "ancestry": ["_DatasetWrapper", "_ProjectWrapper"],
        "owner": "alice",
        "wells": {"A1": ["plate [0 0 0]"], "B3": ["plate [1 2 0]", "plate [1 2 1]"]},
        "fields": [0, 1],
        "acquisitions": ["Run 1"],
    }
    assert said["pixels"] == {
        "sizes": [1, 2, 2, 8, 9],
        "type": "uint16",
        "pixel size": 0.5,
        "channels": ["DAPI", "GFP"],
        "colours": [[0, 0, 255], [0, 255, 0]],
        "windows": [[0, 143], [144, 287]],
        "is big": [False, [3192, 3192]],
        "plane": [[8, 9], "uint16", int(PIXELS[0, 1, 1].sum())],
        "tile": PIXELS[0, 0, 0, 2:6, 1:4].tolist(),
        "made": [0, 1, 2],
        "made type": "uint16",
        "like": ["DAPI", "GFP"],
        "deleted": [None, None],
    }
    assert said["annotating"] == {
        "pairs": [[["stain", "DAPI"], ["stain", "GFP"]]],
        "kinds": ["FileAnnotationWrapper", "MapAnnotationWrapper", "TagAnnotationWrapper"],
        "file": ["a,b\n1,2\n"],
        "file name": ["table.csv"],
        "counted": [1, 1, 1],
        "pairs by query": [["stain", "DAPI"], ["stain", "GFP"]],
        "by tag": [True],
        "description": "seen",
        "shapes": ["MaskI", "PolygonI"],
        "mask": [8],
        "rois": 1,
    }
    assert said["tables"] == {"rows": [[2, 3], ["b", "c"]]}
    assert said["others"] == {"su": ["alice", "root"], "sees": "cells.tif"}


def test_ezomero(omero_server: OmeroServer, lab: Lab) -> None:
    assert _run(omero_server, lab, "with_ezomero") == {
        "image": ["cells.tif", [1, 2, 8, 9, 2], "uint16"],
        "crop": [1, 1, 4, 3, 1],
        "in dataset": True,
        "in plate": 3,
        "orphans": [],
        "groups": True,
        "floats": True,
        "pairs": {"a": "1", "b": "2"},
        "pairs of image": True,
        "file": "hello",
        "shapes": ["Polygon", "Rectangle"],
        "table": {"x": [1, 2], "y": [0.5, 0.25], "word": ["a", "b"]},
    }


def test_users_at_the_same_time_do_not_disturb_each_other(omero_server: OmeroServer, lab: Lab) -> None:
    assert _run(omero_server, lab, "at_once") == []
    names = [row["name"] for row in omero_server.rows("Dataset")]
    assert {f"{number} {turn}" for number in range(4) for turn in range(15)} <= set(names)


def test_omero_cli_zarr_exports_an_image(omero_server: OmeroServer, lab: Lab, tmp_path: Path) -> None:
    _cli(omero_server, tmp_path, "zarr", "export", f"Image:{lab.image}")
    metadata = json.loads(next(tmp_path.glob("*.zarr/zarr.json")).read_text())
    labels = [channel["label"] for channel in metadata["attributes"]["ome"]["omero"]["channels"]]
    assert labels == ["DAPI", "GFP"]
    read = "import sys, zarr; print(zarr.open(sys.argv[1], mode='r')['0'][:].tobytes().hex())"
    done = omero_server.run("-c", read, str(next(tmp_path.glob("*.zarr"))))
    assert done.stdout.strip() == PIXELS.tobytes().hex(), done.stderr


def test_omero_cli_zarr_exports_a_plate(omero_server: OmeroServer, lab: Lab, tmp_path: Path) -> None:
    _cli(omero_server, tmp_path, "zarr", "export", f"Plate:{lab.plate}")
    metadata = json.loads(next(tmp_path.glob("*.zarr/zarr.json")).read_text())
    wells = metadata["attributes"]["ome"]["plate"]["wells"]
    assert sorted(well["path"] for well in wells) == ["A/1", "B/3"]  # that tool keeps them in a set


def test_omero_metadata_populates_a_table(omero_server: OmeroServer, lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("# header s,d\nImage Name,size\ncells.tif,1.5\n")
    _cli(omero_server, tmp_path, "metadata", "populate", f"Dataset:{lab.dataset}", "--file", "metadata.csv")
    [table] = [row["id"] for row in omero_server.rows("OriginalFile") if row["name"] == "bulk_annotations"]
    [annotation] = [row["id"] for row in omero_server.rows("FileAnnotation") if row["file"] == table]
    links = [row for row in omero_server.rows("DatasetAnnotationLink") if row["child"] == annotation]
    assert [link["parent"] for link in links] == [lab.dataset]
