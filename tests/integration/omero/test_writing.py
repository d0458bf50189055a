"""Writing into OMERO where only the wire shows what happens."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.omero.session import open_session
from biomero.adapters.omero.writer import IceWriter
from biomero.adapters.omero.writer_delete import delete
from biomero.adapters.omero.writer_session import writing_session
from biomero.application.ports.omero import OmeroWriter, OutputKey, RoiSettings, TableColumn
from biomero.domain.ids import RunId
from biomero.domain.imaging import RGB_CHANNELS
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.errors import OmeroError, OmeroSessionError, OmeroUnavailableError
from biomero.testing.images import ArrayImage, GeneratedImage
from integration.omero.conftest import Lab
from services.omero_server import OmeroServer
from services.omero_world import ServerWorld

pytestmark = pytest.mark.omero
MANY = 10_000


@pytest.fixture
def writer(world: ServerWorld, lab: Lab) -> Iterator[OmeroWriter]:
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        yield writer


@pytest.fixture
def run() -> RunId:
    return RunId(str(uuid.uuid4()))


@pytest.fixture
def small_pages(world: ServerWorld, lab: Lab) -> Iterator[OmeroWriter]:
    """A writer that is answered three rows at a time."""
    with open_session(world.settings(), lab.alice.name, lab.group.id) as session:
        yield IceWriter(replace(writing_session(session, place=world.omero.address), page=3))


def key(run: RunId, output: str = "x") -> OutputKey:
    return OutputKey(run_id=run, output=output)


def many_disks() -> ArrayImage:
    """Ten thousand disks in 4096 x 4096 pixels."""
    y, x = np.mgrid[:40, :40]
    disk = (y - 20) ** 2 + (x - 20) ** 2 < 14**2
    numbers = np.arange(1, MANY + 1, dtype=np.uint32).reshape(100, 100)
    labels = np.zeros((4096, 4096), np.uint32)
    labels[:4000, :4000] = np.kron(numbers, disk.astype(np.uint32))
    return ArrayImage(labels)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["polygon", "mask"])
def test_ten_thousand_objects_are_made_once(
    world: ServerWorld, lab: Lab, writer: OmeroWriter, run: RunId, shape: str
) -> None:
    image = world.image("a.tif", lab.alice, lab.group, pixels=np.zeros((1, 1, 1, 4096, 4096), np.uint8))
    labels = many_disks()
    assert writer.put_rois(key(run), labels, image.id, RoiSettings(shape=shape)) == MANY
    assert writer.put_rois(key(run), labels, image.id, RoiSettings(shape=shape)) == MANY
    assert sum(row["image"] == image.id for row in world.server.rows("Roi")) == MANY


def squares(count: int) -> ArrayImage:
    """Some objects of four pixels."""
    labels = np.zeros((8, 80), np.uint16)
    for number in range(count):
        labels[2:4, 4 * number : 4 * number + 2] = number + 1
    return ArrayImage(labels)


@pytest.mark.parametrize("count", [2, 3, 7, 9])
def test_answers_come_page_by_page(
    world: ServerWorld, lab: Lab, small_pages: OmeroWriter, run: RunId, count: int
) -> None:
    image = world.image("a.tif", lab.alice, lab.group, pixels=np.zeros((1, 1, 1, 8, 80), np.uint8))
    for output in ("x", "y"):
        assert small_pages.put_rois(key(run, output), squares(count), image.id, RoiSettings()) == count
    rois = small_pages.rois_of(key(run))
    assert {one.number for one in rois} == set(range(1, count + 1))
    assert len(set(rois.values())) == count
    assert small_pages.put_rois(key(run), squares(count), image.id, RoiSettings()) == count
    for number in range(count):
        small_pages.put_dataset(key(run, f"dataset {number}"), name="d", description="")
    assert len(small_pages.made(run)) == count + 2
    assert small_pages.clear_rois(image.id, name_contains="1", keep=run) == 0
    other = RunId(str(uuid.uuid4()))
    assert small_pages.clear_rois(image.id, name_contains=f"{count}", keep=other) == 2
    assert small_pages.remove(run) == 3 * count - 2


def test_no_answer_is_longer_than_a_page(
    world: ServerWorld, lab: Lab, small_pages: OmeroWriter, run: RunId
) -> None:
    image = world.image("a.tif", lab.alice, lab.group, pixels=np.zeros((1, 1, 1, 8, 80), np.uint8))
    small_pages.put_rois(key(run), squares(7), image.id, RoiSettings())
    asked = world.server.calls("IQuery.projection")
    small_pages.rois_of(key(run))
    # which annotation it is, and pages of 3, 3 and 1
    assert world.server.calls("IQuery.projection") - asked == 4


def test_clearing_asks_nothing_about_rois_of_other_images(
    world: ServerWorld, lab: Lab, small_pages: OmeroWriter, run: RunId
) -> None:
    image, other = (
        world.image(name, lab.alice, lab.group, pixels=np.zeros((1, 1, 1, 8, 80), np.uint8)) for name in "ab"
    )

    def questions() -> int:
        asked = world.server.calls("IQuery.projection")
        assert small_pages.clear_rois(image.id, name_contains="nuclei", keep=run) == 0
        return world.server.calls("IQuery.projection") - asked

    before = questions()
    for output in "xyz":
        small_pages.put_rois(key(run, output), squares(9), other.id, RoiSettings(name_prefix="nuclei"))
    assert questions() == before
    small_pages.put_rois(key(run, "on it"), squares(1), image.id, RoiSettings(name_prefix="nuclei"))
    assert questions() == before + 2  # whose the one ROI is: its keys, and of which run those are


def test_objects_of_time_points_and_channels_are_told_apart(
    world: ServerWorld, lab: Lab, writer: OmeroWriter, run: RunId
) -> None:
    image = world.image("a.tif", lab.alice, lab.group, pixels=np.zeros((3, 1, 4, 8, 8), np.uint8))
    labels = np.zeros((3, 2, 1, 8, 8), np.uint16)
    labels[:, :, :, 2:4, 2:4] = 7
    labels[1, 1, :, 6, 6] = 9
    assert writer.put_rois(key(run), ArrayImage(labels), image.id, RoiSettings(name_prefix="n")) == 7
    rois = {row["id"]: row for row in world.server.rows("Roi") if row["image"] == image.id}
    assert Counter(row["name"] for row in rois.values()) == {"n 7": 6, "n 9": 1}
    shapes = [row for row in world.server.rows("Shape") if row["roi"] in rois]
    # one plane of labels is for all planes of the image
    assert {(row["theT"], row["theZ"]) for row in shapes} == {(0, None), (1, None), (2, None)}


def test_colour_pictures_have_red_green_and_blue(world: ServerWorld, writer: OmeroWriter, run: RunId) -> None:
    pixels = np.zeros((3, 8, 8), np.uint8)
    image = ArrayImage(pixels, axes="cyx", is_rgb=True)
    made = writer.put_image(key(run), image, name="overlay.png", description="", dataset=None)
    pixels_id = next(row["id"] for row in world.server.rows("Pixels") if row["image"] == made.id)
    channels = [row for row in world.server.rows("Channel") if row["pixels"] == pixels_id]
    colours = [bytes([row["red"], row["green"], row["blue"]]).hex().upper() for row in channels]
    assert colours == [channel.color for channel in RGB_CHANNELS]


@pytest.mark.slow
def test_planes_that_omero_keeps_as_pyramids_are_written_in_tiles(
    world: ServerWorld, lab: Lab, writer: OmeroWriter, run: RunId
) -> None:
    image = GeneratedImage("yx", (3300, 3500))
    before = world.server.calls("RawPixelsStore.setTile")
    made = writer.put_image(key(run), image, name="large", description="", dataset=None)
    assert world.server.calls("RawPixelsStore.setTile") - before == 16
    with world.omero.reader(lab.alice.name) as reader, reader.open(made.id) as found:
        y, x = slice(3000, 3300), slice(900, 1300)
        assert np.array_equal(found.read(y=y, x=x), image.read(y=y, x=x))


def test_what_a_user_has_deleted_is_made_again_when_it_is_wanted_again(
    writer: OmeroWriter, run: RunId
) -> None:
    image = ArrayImage(np.zeros((4, 4), np.uint8))

    def put() -> OmeroRef:
        return writer.put_image(key(run), image, name="i", description="", dataset=None)

    first = put()
    delete_as_its_owner(writer, "Image", first.id)
    assert writer.made(run) == {}
    second = put()
    assert second != first
    assert writer.made(run) == {"x": second}


def delete_as_its_owner(writer: OmeroWriter, kind: str, number: int) -> None:

    assert isinstance(writer, IceWriter)
    delete(writer._session, {kind: [number]})


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (("RawPixelsStore.setTile", "InternalException"), OmeroError),
        (("RawPixelsStore.setTile", "DatabaseBusyException"), OmeroUnavailableError),
        (("IUpdate.saveAndReturnObject", "RemovedSessionException"), OmeroSessionError),
        (("RawPixelsStore.save", "ResourceError"), OmeroError),
    ],
)
def test_errors_are_ours_and_the_next_call_goes_on(
    world: ServerWorld, writer: OmeroWriter, run: RunId, fault: tuple[str, str], expected: type[OmeroError]
) -> None:
    image = ArrayImage(np.arange(64, dtype=np.uint8).reshape(8, 8))
    world.server.fail(*fault)
    with pytest.raises(OmeroError) as told:
        writer.put_image(key(run), image, name=str(run), description="", dataset=None)
    assert type(told.value) is expected
    made = writer.put_image(key(run), image, name=str(run), description="", dataset=None)
    assert [row["id"] for row in world.server.rows("Image") if row["name"] == run] == [made.id]


def test_a_lost_session_is_said_to_be_and_another_goes_on(
    world: ServerWorld, lab: Lab, run: RunId, tmp_path: Path
) -> None:
    image = world.image("a.tif", lab.alice, lab.group)
    path = tmp_path / "f.txt"
    path.write_bytes(b"x" * 5_000_000)

    def put(writer: OmeroWriter) -> OmeroRef:
        return writer.put_file(key(run), path, name="f", media_type="text/plain", targets=[image])

    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        world.server.kill_sessions(lab.alice.name)
        with pytest.raises((OmeroSessionError, OmeroUnavailableError)) as told:
            put(writer)
        assert told.value.transient
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        assert put(writer) == put(writer)


@pytest.mark.slow
def test_a_server_that_is_started_again_keeps_what_was_made(
    world: ServerWorld, omero_server: OmeroServer, lab: Lab, run: RunId
) -> None:
    image = world.image("a.tif", lab.alice, lab.group)
    columns = [TableColumn(name="n", kind="long", values=[1, 2, 3])]
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        made = writer.put_table(key(run), columns, name="t", targets=[image])
        omero_server.restart()
        with pytest.raises(OmeroError) as told:
            writer.made(run)
        assert told.value.transient
    with world.omero.writer(lab.alice.name, group_id=lab.group.id) as writer:
        assert writer.made(run) == {"x": made}
        assert writer.put_table(key(run), columns, name="t", targets=[image]) == made


def test_a_table_without_rows_is_a_table(
    world: ServerWorld, lab: Lab, writer: OmeroWriter, run: RunId
) -> None:
    image = world.image("a.tif", lab.alice, lab.group)
    columns = [TableColumn(name="n", kind="long", values=[]), TableColumn(name="s", kind="string", values=[])]
    assert writer.put_table(key(run), columns, name="t", targets=[image]).kind is OmeroKind.TABLE
