"""What the test server refuses whoever asks: graphs and queries that OMERO's database would refuse."""

from __future__ import annotations

import numpy as np
import pytest

from services.omero_callers import Caller, Callers, RefusedError
from services.omero_server import OmeroServer


@pytest.fixture(scope="module")
def alice(omero_server: OmeroServer, callers: Callers) -> Caller:
    omero_server.add_group("lab", "rwrw--")
    omero_server.add_user("alice", ["lab"])
    omero_server.add_user("bob", ["lab"])
    return callers.log_in("alice")


def _image(server: OmeroServer, dataset: int | None = None) -> int:
    pixels = np.zeros((1, 1, 1, 4, 4), "uint8")
    return server.add_image("cells.tif", pixels, owner="alice", group="lab", dataset=dataset)


def test_what_must_have_a_name_has_one(alice: Caller) -> None:
    with pytest.raises(RefusedError, match="ValidationException: not-null"):
        alice.create("Dataset", None)


def test_the_same_link_is_made_once(omero_server: OmeroServer, alice: Caller) -> None:
    dataset = alice.create("Dataset", "d")
    image = _image(omero_server)
    alice.link("Image", dataset, image)
    with pytest.raises(RefusedError, match="ValidationException: duplicate key"):
        alice.link("Image", dataset, image)


def test_what_is_not_there_is_not_linked(alice: Caller) -> None:
    with pytest.raises(RefusedError, match="ValidationException"):
        alice.link("Image", alice.create("Dataset", "d"), 999999999)


def test_a_stale_object_is_not_saved(callers: Callers, alice: Caller) -> None:
    dataset = alice.create("Dataset", "d")
    alice.remember("Dataset", dataset)
    callers.log_in("bob").rename("Dataset", dataset, "changed meanwhile")
    with pytest.raises(RefusedError, match="OptimisticLockException"):
        alice.save_remembered("Dataset", "too late")


def test_an_object_that_is_not_there_is_an_error_to_get(alice: Caller) -> None:
    with pytest.raises(RefusedError, match="ValidationException"):
        alice.get("Image", 999999999)


@pytest.mark.parametrize(
    "text",
    [
        "select i from Imgae i",
        "select i from Image i where i.nam = 'x'",
        "select i from Image i where",
        "select i from Image i where i.id = :missing",
        "selekt i from Image i",
    ],
)
def test_a_query_that_is_wrong_is_refused(omero_server: OmeroServer, alice: Caller, text: str) -> None:
    _image(omero_server)
    with pytest.raises(RefusedError, match=r"QueryException"):
        alice.query(text)


def test_each_class_counts_its_own_ids(omero_server: OmeroServer, alice: Caller) -> None:
    assert alice.create("Dataset", "d") != alice.create("Project", "p") != _image(omero_server)


def test_deleting_takes_what_belongs_to_an_object_and_no_more(
    omero_server: OmeroServer, alice: Caller
) -> None:
    keeps, goes = alice.create("Dataset", "keeps"), alice.create("Dataset", "goes")
    shared, only = _image(omero_server), _image(omero_server)
    alice.link("Image", keeps, shared)
    alice.link("Image", goes, shared)
    alice.link("Image", goes, only)
    alice.annotate(only)
    alice.draw(only)
    deleted = alice.delete("Dataset", goes)
    assert deleted["ome.model.core.Image"] == [only]
    images = {row["id"] for row in omero_server.rows("Image")}
    assert (shared in images, only in images) == (True, False)
    assert not [row for row in omero_server.rows("Roi") if row["image"] == only]
    assert not [row for row in omero_server.rows("ImageAnnotationLink") if row["parent"] == only]


def test_a_fileset_is_not_split(omero_server: OmeroServer, alice: Caller) -> None:
    path = omero_server.folder / "two.tif"
    path.write_bytes(b"two images")
    images = [_image(omero_server), _image(omero_server)]
    omero_server.add_fileset("alice_1/2026-01", {"two.tif": path}, images, owner="alice", group="lab")
    file = omero_server.rows("OriginalFile")[-1]
    stored = omero_server.repository / file["path"] / file["name"]
    assert stored.read_bytes() == b"two images"
    with pytest.raises(RefusedError, match="Fileset"):
        alice.delete("Image", images[0])
    dataset = alice.create("Dataset", "both")
    for image in images:
        alice.link("Image", dataset, image)
    alice.delete("Dataset", dataset)
    assert not stored.exists()


def test_aggregates_are_as_in_sql(omero_server: OmeroServer, alice: Caller) -> None:
    dataset = alice.create("Dataset", "counted")
    for _ in range(3):
        _image(omero_server, dataset)
    text = "select d.id, count(l.id), max(l.child.id) from Dataset d join d.imageLinks l group by d.id"
    counts = {number: (count, highest) for number, count, highest in alice.projection(text)}
    assert counts[dataset] == (3, max(row["id"] for row in omero_server.rows("Image")))
