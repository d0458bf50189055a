"""Putting results into OMERO, each once."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from biomero.application.pixel_blocks import pixel_windows
from biomero.application.ports.omero import OmeroWriter, OutputKey, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.imaging import Channel, Quantity
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroKind, OmeroRef, OmeroUser
from biomero.errors import ImageReadError, OmeroLoginError, OmeroObjectError, OmeroPermissionError
from biomero.testing.images import ArrayImage
from services.omero_world import OmeroWorld

SIZE = (40, 60)
NUCLEI = RoiSettings(name_prefix="nuclei")
COLUMNS = (
    TableColumn(name="label", kind="long", values=[1, 2]),
    TableColumn(name="area", kind="double", values=[1.5, None]),
)


@dataclasses.dataclass(frozen=True)
class Scene:
    """Alice and Bob in a group; the image and its dataset are Alice's."""

    world: OmeroWorld
    group: OmeroGroup
    alice: OmeroUser
    bob: OmeroUser
    dataset: OmeroRef
    image: OmeroRef
    writer: OmeroWriter
    """Alice's."""
    run: RunId = dataclasses.field(default_factory=lambda: RunId(str(uuid.uuid4())))

    def key(self, output: str) -> OutputKey:
        return OutputKey(run_id=self.run, output=output)

    def pixels(self, ref: OmeroRef) -> NDArray[Any]:
        """Return all pixels of an image, axes (t, c, z, y, x)."""
        with self.world.omero.reader(self.alice.name) as reader, reader.open(ref.id) as image:
            found = np.zeros([image.metadata.size(axis) for axis in "tczyx"], image.metadata.dtype)
            for window in pixel_windows(image):
                place = (window.t, window.c, window.z, window.y, window.x)
                found[place] = image.read(t=window.t, c=window.c, z=window.z, y=window.y, x=window.x)
            return found


def scene_in(world: OmeroWorld, access: GroupAccess) -> Iterator[Scene]:
    group = world.group("lab", access)
    alice, bob = world.user("alice", group), world.user("bob", group)
    dataset = world.container(OmeroKind.DATASET, "cells", alice, group)
    image = world.image("a.tif", alice, group, pixels=np.zeros((1, 1, 1, *SIZE), np.uint8), dataset=dataset)
    with world.omero.writer(alice.name, group_id=group.id) as writer:
        yield Scene(world, group, alice, bob, dataset, image, writer)


@pytest.fixture
def scene(world: OmeroWorld) -> Iterator[Scene]:
    yield from scene_in(world, GroupAccess.READ_ANNOTATE)


def labels(count: int = 24, **more: Any) -> ArrayImage:
    squares = np.kron(np.arange(1, 25).reshape(4, 6), np.ones((10, 10), int)).astype(np.int32)
    return ArrayImage(np.where(squares <= count, squares, 0), **more)


def test_a_writer_writes_into_its_group(scene: Scene) -> None:
    assert scene.writer.group == scene.group
    assert scene.writer.made(scene.run) == {}


def test_a_dataset_is_made_once(scene: Scene) -> None:
    project = scene.world.container(OmeroKind.PROJECT, "p", scene.alice, scene.group)
    made = [
        scene.writer.put_dataset(
            scene.key("d"), name="results", description="of a run", projects=[project.id]
        )
        for _ in range(2)
    ]
    other = scene.writer.put_dataset(scene.key("e"), name="results", description="of a run")
    assert made[0] == made[1] != other
    assert scene.writer.made(scene.run) == {"d": made[0], "e": other}


def test_an_image_has_the_pixels_and_what_is_known_of_them(scene: Scene) -> None:
    random = np.random.default_rng(5)
    pixels = random.integers(0, 60000, (2, 3, 4, 50, 70), dtype=np.uint16)
    image = ArrayImage(
        pixels,
        scale={"x": Quantity(value=0.5, unit="micrometer"), "z": Quantity(value=2, unit="nanometer")},
        channels=[Channel(name="DAPI", color="0000FF"), Channel(name="GFP", color="00FF00"), Channel()],
    )
    told: list[tuple[int, int]] = []
    made = [
        scene.writer.put_image(
            scene.key("i"),
            image,
            name="new",
            description="",
            dataset=scene.dataset.id,
            progress=lambda done, of: told.append((done, of)),
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert np.array_equal(scene.pixels(made[0]), pixels)
    assert told
    assert told[-1][0] == told[-1][1]
    with scene.world.omero.reader(scene.alice.name) as reader:
        assert [image.name for image in reader.select([scene.dataset]).images] == ["a.tif", "new"]
        with reader.open(made[0].id) as found:
            assert dict(found.metadata.scale) == dict(image.metadata.scale)
            assert [c.name for c in found.metadata.channels][:2] == ["DAPI", "GFP"]
            assert [c.color for c in found.metadata.channels][:2] == ["0000FF", "00FF00"]


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
def test_pixels_keep_their_type(scene: Scene, dtype: str) -> None:
    pixels = np.arange(600).reshape(20, 30).astype(dtype)
    made = scene.writer.put_image(
        scene.key(dtype), ArrayImage(pixels), name="i", description="", dataset=None
    )
    found = scene.pixels(made)[0, 0, 0]
    assert found.dtype == pixels.dtype
    assert np.array_equal(found, pixels)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_pixels_that_omero_does_not_have_are_refused(scene: Scene, dtype: str) -> None:
    image = ArrayImage(np.zeros((4, 4), dtype), name="labels.tif")
    with pytest.raises(ImageReadError, match=f"labels.tif: OMERO has no pixels of type {dtype}"):
        scene.writer.put_image(scene.key("i"), image, name="i", description="", dataset=None)
    assert scene.writer.made(scene.run) == {}


def test_an_image_that_cannot_be_read_is_made_once_it_can(scene: Scene) -> None:
    pixels = np.arange(600, dtype=np.uint8).reshape(1, 20, 30)
    damaged = ArrayImage(pixels, damaged_plane=0)
    with pytest.raises(ImageReadError, match="damaged"):
        scene.writer.put_image(scene.key("i"), damaged, name="i", description="", dataset=None)
    made = scene.writer.put_image(scene.key("i"), ArrayImage(pixels), name="i", description="", dataset=None)
    assert np.array_equal(scene.pixels(made)[0, 0], pixels)
    assert scene.writer.made(scene.run) == {"i": made}


@pytest.mark.parametrize("shape", ["polygon", "mask"])
def test_each_object_of_a_label_image_is_one_roi(scene: Scene, shape: str) -> None:
    settings = dataclasses.replace(NUCLEI, shape=shape)
    told: list[tuple[int, int]] = []
    counts = [
        scene.writer.put_rois(
            scene.key("rois"),
            labels(20),
            scene.image.id,
            settings,
            progress=lambda done, of: told.append((done, of)),
        )
        for _ in range(2)
    ]
    assert counts == [20, 20]
    assert told[-1][0] == told[-1][1]
    assert any(name.startswith("rois") for name in scene.writer.made(scene.run))


def test_a_label_image_without_objects_gives_no_rois(scene: Scene) -> None:
    assert scene.writer.put_rois(scene.key("rois"), labels(0), scene.image.id, NUCLEI) == 0


def test_a_label_image_of_another_size_is_refused(scene: Scene) -> None:
    other = ArrayImage(np.ones((SIZE[0], SIZE[1] + 1), np.uint8), name="cells.tif")
    with pytest.raises(ImageReadError, match=r"label image cells\.tif .*does not have the size of Image"):
        scene.writer.put_rois(scene.key("rois"), other, scene.image.id, NUCLEI)


def test_rois_are_cleared_by_name(scene: Scene) -> None:
    scene.writer.put_rois(scene.key("rois"), labels(5), scene.image.id, NUCLEI)
    scene.writer.put_rois(
        scene.key("others"), labels(3), scene.image.id, RoiSettings(name_prefix="membranes")
    )
    other_run = RunId(str(uuid.uuid4()))
    clear = scene.writer.clear_rois
    assert clear(scene.image.id, name_contains="", keep=other_run) == 0
    assert clear(scene.image.id, name_contains="cell", keep=other_run) == 0
    assert clear(scene.image.id, name_contains="NUCL", keep=scene.run) == 0
    assert clear(scene.image.id, name_contains="NUCL", keep=other_run) == 5
    assert clear(scene.image.id, name_contains="NUCL", keep=other_run) == 0
    assert clear(scene.image.id, name_contains="membranes", keep=other_run) == 3


def test_rois_of_others_are_not_cleared(scene: Scene) -> None:
    scene.writer.put_rois(scene.key("rois"), labels(5), scene.image.id, NUCLEI)
    with scene.world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
        other_run = RunId(str(uuid.uuid4()))
        assert bobs.clear_rois(scene.image.id, name_contains="nuclei", keep=other_run) == 0


def test_a_table_is_made_once(scene: Scene) -> None:
    made = [
        scene.writer.put_table(scene.key("t"), COLUMNS, name="cells.csv", targets=[scene.image])
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].kind is OmeroKind.TABLE
    assert scene.writer.made(scene.run) == {"t": made[0]}


@pytest.mark.parametrize("content", [b"", b"abc", bytes(range(256)) * 20_000])
def test_a_file_is_attached_once(scene: Scene, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(content)
    targets = [scene.image, scene.dataset, scene.image]
    made = [
        scene.writer.put_file(
            scene.key("f"), path, name="report.pdf", media_type="application/pdf", targets=targets
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert made[0].kind is OmeroKind.FILE
    assert scene.writer.made(scene.run) == {"f": made[0]}


def test_pairs_are_attached_once(scene: Scene) -> None:
    pairs = [("Name", "nuclei"), ("Name", "twice"), ("Größe", "5 µm")]
    made = [
        scene.writer.put_map(
            scene.key("m"), namespace="biomero/workflow", pairs=pairs, targets=[scene.image, scene.dataset]
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert scene.writer.made(scene.run) == {"m": made[0]}


def test_what_a_run_made_is_told_from_what_others_did(scene: Scene) -> None:
    first = scene.writer.put_dataset(scene.key("d"), name="d", description="")
    other = dataclasses.replace(scene, run=RunId(str(uuid.uuid4())))
    second = other.writer.put_dataset(other.key("d"), name="d", description="")
    assert first != second
    assert scene.writer.made(scene.run) == {"d": first}
    assert scene.writer.made(other.run) == {"d": second}


def attach(writer: OmeroWriter, key: OutputKey, target: OmeroRef, tmp_path: Path, what: str) -> None:
    path = tmp_path / "f.txt"
    path.write_text("x")
    match what:
        case "rois":
            writer.put_rois(key, labels(), target.id, NUCLEI)
        case "table":
            writer.put_table(key, COLUMNS, name="t", targets=[target])
        case "file":
            writer.put_file(key, path, name="f.txt", media_type="text/plain", targets=[target])
        case _:
            writer.put_map(key, namespace="n", pairs=[("a", "b")], targets=[target])


@pytest.mark.parametrize("what", ["rois", "table", "file", "map"])
@pytest.mark.parametrize(
    ("access", "refusal"),
    [
        (GroupAccess.PRIVATE, OmeroObjectError),
        (GroupAccess.READ_ONLY, OmeroPermissionError),
        (GroupAccess.READ_ANNOTATE, None),
        (GroupAccess.READ_WRITE, None),
    ],
)
def test_others_images_are_annotated_where_the_group_allows_it(
    world: OmeroWorld, access: GroupAccess, refusal: type[Exception] | None, tmp_path: Path, what: str
) -> None:
    for scene in scene_in(world, access):
        attach(scene.writer, scene.key("own"), scene.image, tmp_path, what)
        with world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
            if refusal is None:
                attach(bobs, scene.key("bobs"), scene.image, tmp_path, what)
                return
            with pytest.raises(refusal, match=scene.image.kind.value) as told:
                attach(bobs, scene.key("bobs"), scene.image, tmp_path, what)
            assert scene.bob.name in str(told.value)
            assert bobs.made(scene.run) == {}


@pytest.mark.parametrize("what", ["rois", "table", "file", "map"])
def test_a_target_that_is_gone_is_said_to_be(scene: Scene, tmp_path: Path, what: str) -> None:
    with pytest.raises(OmeroObjectError, match="no Image:987654"):
        attach(scene.writer, scene.key("x"), OmeroRef(OmeroKind.IMAGE, 987654), tmp_path, what)
    assert scene.writer.made(scene.run) == {}


def test_a_target_in_another_group_is_refused(scene: Scene, tmp_path: Path) -> None:
    group = scene.world.group("other", GroupAccess.READ_ANNOTATE)
    carol = scene.world.user("carol", scene.group, group)
    image = scene.world.image("b.tif", carol, group)
    with scene.world.omero.writer(carol.name, group_id=scene.group.id) as carols:
        with pytest.raises(OmeroPermissionError, match=f"{image} is in "):
            attach(carols, scene.key("x"), image, tmp_path, "map")
        assert carols.made(scene.run) == {}


def test_a_dataset_of_somebody_else_takes_no_images(scene: Scene) -> None:
    with scene.world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
        with pytest.raises(OmeroPermissionError, match="may not put anything into Dataset"):
            bobs.put_image(scene.key("i"), labels(), name="i", description="", dataset=scene.dataset.id)
        assert bobs.made(scene.run) == {}


def test_a_project_of_somebody_else_takes_no_datasets(scene: Scene) -> None:
    project = scene.world.container(OmeroKind.PROJECT, "p", scene.alice, scene.group)
    with (
        scene.world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs,
        pytest.raises(OmeroPermissionError, match="may not put anything into Project"),
    ):
        bobs.put_dataset(scene.key("d"), name="d", description="", projects=[project.id])


def test_nobody_writes_into_a_group_of_others(scene: Scene) -> None:
    other = scene.world.group("other", GroupAccess.READ_WRITE)
    with (
        pytest.raises(OmeroPermissionError, match="no member"),
        scene.world.omero.writer(scene.alice.name, group_id=other.id),
    ):
        pass


def test_nobody_writes_as_a_user_who_does_not_exist(scene: Scene) -> None:
    with (
        pytest.raises(OmeroLoginError, match="nobody"),
        scene.world.omero.writer("nobody", group_id=scene.group.id),
    ):
        pass


def test_everything_that_a_run_made_goes_and_nothing_else(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("a")
    other = scene.writer.put_dataset(
        OutputKey(run_id=RunId(str(uuid.uuid4())), output="d"), name="other", description=""
    )
    dataset = scene.writer.put_dataset(scene.key("d"), name="results", description="")
    scene.writer.put_image(scene.key("i"), labels(), name="i", description="", dataset=dataset.id)
    scene.writer.put_rois(scene.key("r"), labels(3), scene.image.id, NUCLEI)
    targets = [scene.image, dataset]
    scene.writer.put_table(scene.key("t"), COLUMNS, name="t", targets=targets)
    scene.writer.put_file(scene.key("f"), file, name="a.txt", media_type="text/plain", targets=targets)
    scene.writer.put_map(scene.key("m"), namespace="n", pairs=[("a", "b")], targets=targets)
    assert scene.writer.remove(scene.run) == 8
    assert scene.writer.made(scene.run) == {}
    assert scene.writer.remove(scene.run) == 0
    with scene.world.omero.reader(scene.alice.name) as reader:
        assert {entry.ref for entry in reader.contents()} == {scene.dataset, other}
        assert [entry.ref for entry in reader.contents(scene.dataset)] == [scene.image]
