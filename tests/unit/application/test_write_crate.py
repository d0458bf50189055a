"""Crates of past runs: what they say, and what they say where something is not as it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from biomero.application.omero_request import OmeroRequest
from biomero.application.write_crate import WrittenCrate
from biomero.bootstrap import make_crate_writer
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroImage, OmeroKind, OmeroRef, image_address
from biomero.errors import InputError, UnknownRunError, UsageError
from services.past_runs import Asked, Home, past_run

OUTPUTS = {"labels/a b.ome.tif": b"labels", "zarr/a.ome.zarr": b"chunk", "tables/a.csv": b"area\n1\n"}
DONE = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"

Entities = dict[str, dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.at(tmp_path)
    yield home
    home.record.close()


def written(home: Home, run_id: RunId, name: str = "crate", **options: Any) -> WrittenCrate:
    return make_crate_writer(home.settings).write(run_id, home.path / name, **options)


def entities(home: Home, name: str = "crate") -> Entities:
    document = json.loads((home.path / name / "ro-crate-metadata.json").read_bytes())
    found = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(found) == len(document["@graph"])
    return found


def ids(value: Any) -> list[str]:
    return [one["@id"] for one in (value if isinstance(value, list) else [value])]


def of_type(found: Entities, kind: str) -> list[dict[str, Any]]:
    return [entity for entity in found.values() if entity["@type"] == kind]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_a_crate_tells_who_ran_what_on_what(home: Home) -> None:
    image = home.image("a b.tif")
    run_id = past_run(home, (image,), OUTPUTS)
    assert written(home, run_id).findings == ()
    found = entities(home)
    (run,) = of_type(found, "CreateAction")
    assert run["actionStatus"] == DONE
    assert "error" not in run
    assert found[run["agent"]["@id"]]["name"] == "ada"
    assert run["startTime"] <= run["endTime"]
    program = found[run["instrument"]["@id"]]
    assert (program["@type"], program["name"]) == ("SoftwareApplication", "Threshold")
    assert program["softwareVersion"]
    values = {found[i]["name"]: found[i].get("value") for i in ids(run["object"])}
    assert values == {"a b.tif": None, "level": 100, "behave": "well"}
    assert ids(run["result"]) == ["labels/a%20b.ome.tif", "zarr/a.ome.zarr/", "tables/a.csv"]
    source = found[f"file://{str(image).replace(' ', '%20')}"]
    assert source["sha256"] == hashlib.sha256(b"pixels").hexdigest()
    assert source["contentSize"] == "6"
    assert ids(found["labels/a%20b.ome.tif"]["isBasedOn"]) == [source["@id"]]


def test_every_file_of_a_crate_has_the_hash_of_its_bytes(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), OUTPUTS)
    written(home, run_id)
    found, crate = entities(home), home.path / "crate"
    files = [e for e in of_type(found, "File") if not e["@id"].startswith("file:")]
    assert {e["@id"] for e in files} == {
        "labels/a%20b.ome.tif", "tables/a.csv", "run.json", "report.html", "logs/workflow-1.log",
    }  # fmt: skip
    for entity in files:
        content = (crate / entity["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entity["sha256"]
        assert str(len(content)) == entity["contentSize"]
    assert json.loads((crate / "run.json").read_bytes())["id"] == run_id
    assert (crate / "zarr/a.ome.zarr/0/0").read_bytes() == b"chunk"
    document = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    outside = {"https://w3id.org/ro/crate/1.1"}
    assert set(references(document["@graph"])) - set(found) == outside


@pytest.mark.parametrize("name", ["crate", "crate.zip"])
def test_inputs_are_copied_when_asked(home: Home, name: str) -> None:
    folder = home.image("b.zarr/0/1", b"one").parents[1]
    home.image("b.zarr/a.b", b"two")
    run_id = past_run(home, (home.image("a.tif"), folder), {})
    assert written(home, run_id, name, with_inputs=True).findings == ()
    if name == "crate":
        assert (home.path / "crate/inputs/0/a.tif").read_bytes() == b"pixels"
        assert (home.path / "crate/inputs/1/b.zarr/0/1").read_bytes() == b"one"
        assert entities(home)["inputs/1/b.zarr/"]["@type"] == "Dataset"


def test_a_changed_or_lost_output_is_a_finding_in_the_crate(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), OUTPUTS)
    (home.path / "results/labels/a b.ome.tif").write_bytes(b"tampered")
    (home.path / "results/tables/a.csv").unlink()
    (home.path / "results/zarr/a.ome.zarr/0/0").write_bytes(b"other")
    findings = written(home, run_id).findings
    assert len(findings) == 3
    found = entities(home)
    assert [found[i]["text"] for i in ids(found["./"]["comment"])] == list(findings)
    assert found["labels/a%20b.ome.tif"]["sha256"] == hashlib.sha256(b"tampered").hexdigest()
    assert hashlib.sha256(b"labels").hexdigest() in findings[0]
    (lost,) = (e for e in found.values() if e.get("description", "").startswith("missing"))
    assert lost["sha256"] == hashlib.sha256(b"area\n1\n").hexdigest()
    assert lost["@id"] not in ids(found["./"]["hasPart"])


def test_a_result_that_became_a_link_out_of_its_folder_is_not_followed(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), {"tables/a.csv": b"1"})
    secret = home.image("secret", b"secret")
    (home.path / "results/tables/a.csv").unlink()
    (home.path / "results/tables/a.csv").symlink_to(secret)
    (home.path / "results/logs/more.log").symlink_to(secret)
    assert len(written(home, run_id).findings) == 1
    assert not [p for p in (home.path / "crate").rglob("*") if p.is_file() and p.read_bytes() == b"secret"]


def test_changed_inputs_are_said_when_they_are_copied(home: Home) -> None:
    image, gone = home.image("a.tif"), home.image("gone.tif")
    run_id = past_run(home, (image, gone), {})
    image.write_bytes(b"other")
    gone.unlink()
    assert written(home, run_id, "one").findings == ()
    findings = written(home, run_id, "two", with_inputs=True).findings
    assert ["has changed since" in f for f in findings] == [True, False]
    assert "gone.tif" in findings[1]


def test_the_size_of_a_file_that_somebody_wrote_to_is_not_guessed(home: Home) -> None:
    image = home.image("a.tif")
    run_id = past_run(home, (image,), {})
    os.utime(image, (2e9, 2e9))
    written(home, run_id)
    assert "contentSize" not in entities(home)[image.as_uri()]


def test_names_of_any_bytes_are_kept_readable(home: Home) -> None:
    name = os.fsdecode(b"caf\xe9 \n#?%.tif")
    run_id = past_run(home, (home.image(name),), {f"files/{name}": b"x"})
    assert written(home, run_id).findings == ()
    found = entities(home)
    assert (home.path / "crate/files/caf%E9 \n#?%.tif").read_bytes() == b"x"
    assert found["files/caf%25E9%20%0A%23%3F%25.tif"]["name"] == "files/caf\\udce9 \n#?%.tif"
    assert [i for i in found if i.endswith("/in/caf%E9%20%0A%23%3F%25.tif")]
    assert written(home, run_id, "crate.zip").findings == ()


def test_a_file_that_is_image_and_attachment_is_one_entity(home: Home) -> None:
    image = home.image("a.tif")
    run_id = past_run(home, (image,), {}, asked=Asked(attachments={"mask": (image,)}))
    written(home, run_id)
    (run,) = of_type(entities(home), "CreateAction")
    assert ids(run["object"]).count(image.as_uri()) == 1


def test_a_cancelled_run_is_told_as_one_that_failed(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), {}, end="cancelled")
    written(home, run_id)
    (run,) = of_type(entities(home), "CreateAction")
    assert (run["actionStatus"], run["error"]) == (FAILED, "The run was cancelled.")


def test_a_container_image_is_named_with_its_registry_and_digest(home: Home) -> None:
    asked = Asked(runtime="apptainer", container_image="ghcr.io/org/threshold:1.2")
    run_id = past_run(home, (home.image("a.tif"),), {}, asked=asked)
    written(home, run_id)
    found = entities(home)
    (run,) = of_type(found, "CreateAction")
    image = found[run["containerImage"]["@id"]]
    assert (image["registry"], image["name"], image["tag"]) == ("ghcr.io", "org/threshold", "1.2")
    assert image["sha256"] == hashlib.sha256(b"program").hexdigest()


def test_an_image_file_has_no_registry(home: Home) -> None:
    asked = Asked(runtime="apptainer", container_image="images/threshold.sif")
    run_id = past_run(home, (home.image("a.tif"),), {}, asked=asked)
    written(home, run_id)
    image = entities(home)["#container-image"]
    assert image["name"] == "images/threshold.sif"
    assert "registry" not in image


def test_numbers_that_json_does_not_have_become_text(home: Home) -> None:
    asked = Asked(parameters={"level": float("inf")})
    run_id = past_run(home, (home.image("a.tif"),), {}, asked=asked)
    written(home, run_id)
    assert entities(home)["#parameter/level"]["value"] == "inf"


def test_a_licence_is_linked(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), {})
    licence = "https://creativecommons.org/licenses/by/4.0/"
    written(home, run_id, licence=licence)
    assert entities(home)["./"]["license"] == {"@id": licence}


def test_only_what_is_over_becomes_a_crate(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), {}, end="running")
    with pytest.raises(UsageError, match="has not ended"):
        written(home, run_id)
    with pytest.raises(UnknownRunError):
        written(home, RunId("0c7d6a39-6c1f-4d4a-9e54-1a2b3c4d5e6f"))
    assert not (home.path / "crate").exists()


def test_nothing_is_overwritten(home: Home) -> None:
    run_id = past_run(home, (home.image("a.tif"),), OUTPUTS)
    with pytest.raises(InputError, match="exists already"):
        written(home, run_id, "results")
    assert (home.path / "results/tables/a.csv").exists()


def test_images_of_omero_are_referred_to_by_server_and_id(home: Home) -> None:
    omero = OmeroRequest(
        server="omero.example.org:4064",
        user="ada",
        user_id=3,
        group_id=4,
        group_name="lab",
        chosen=(OmeroRef(OmeroKind.IMAGE, 5),),
        images=(OmeroImage(id=5, name="cell 1.czi", owner_id=3, group_id=4),),
    )
    run_id = past_run(home, (Path(image_address(5)),), OUTPUTS, asked=Asked(omero=omero))
    assert written(home, run_id, with_inputs=True).findings == ()
    found = entities(home)
    image = found["omero://omero.example.org:4064/Image/5"]
    assert (image["name"], image["sha256"]) == ("cell 1.czi", "0" * 64)
    assert found["labels/a%20b.ome.tif"]["isBasedOn"] == {"@id": image["@id"]}
