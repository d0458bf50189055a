"""Containers that results go into, and which ROI an object of a label image became."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pytest

from biomero.application.ports.omero import OmeroWriter, OutputKey, RoiSettings
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess, OmeroImage, OmeroKind, OmeroRef, WellPlace
from biomero.domain.omero_targets import LabelledObject, PlateSpot
from biomero.errors import ImageReadError, OmeroError, OmeroObjectError, OmeroPermissionError
from biomero.testing.images import ArrayImage
from contract.omero.test_writer import NUCLEI, Scene, labels, scene_in
from services.omero_world import OmeroWorld


@pytest.fixture
def scene(world: OmeroWorld) -> Iterator[Scene]:
    yield from scene_in(world, GroupAccess.READ_ANNOTATE)


def picture(value: int) -> ArrayImage:
    return ArrayImage(np.full((8, 8), value, np.uint8))


def put_on(scene: Scene, output: str, spot: PlateSpot) -> OmeroRef:
    return scene.writer.put_image(
        scene.key(output), picture(len(output)), name=output, description="", dataset=None, on_plate=spot
    )


def selected(scene: Scene, *chosen: OmeroRef) -> Sequence[OmeroImage]:
    with scene.world.omero.reader(scene.alice.name) as reader:
        return reader.select(chosen).images


def test_a_plate_has_images_in_their_wells_in_the_order_in_which_they_came(scene: Scene) -> None:
    like = scene.world.plate("p", {(0, 0): [np.zeros((1, 1, 1, 8, 8), np.uint8)]}, scene.alice, scene.group)
    screens, plates = [], []
    for _ in range(2):
        screens.append(scene.writer.put_screen(scene.key("s"), name="results", description="of a run"))
        plates.append(
            scene.writer.put_plate(
                scene.key("p"), name="p [x]", description="", screen=screens[0].id, like=like.id
            )
        )
    assert len({*screens}) == len({*plates}) == 1
    (screen, plate) = (screens[0], plates[0])
    assert (screen.kind, plate.kind) == (OmeroKind.SCREEN, OmeroKind.PLATE)
    second = PlateSpot(plate=plate.id, row=7, column=11)
    made = [put_on(scene, output, second) for output in ("b", "ccc", "b", "dd")]
    made.append(put_on(scene, "eeeee", PlateSpot(plate=plate.id, row=0, column=2)))
    assert made[0] == made[2]
    found = selected(scene, screen)
    assert [image.id for image in found] == [made[4].id, made[0].id, made[1].id, made[3].id]
    places = [image.place for image in found]
    wells = [place.well_id for place in places if place is not None]
    assert places == [
        WellPlace(plate_id=plate.id, plate_name="p [x]", well_id=well, row=row, column=column, field=field)
        for (row, column, field), well in zip(
            [(0, 2, 0), (7, 11, 0), (7, 11, 1), (7, 11, 2)], wells, strict=True
        )
    ]
    assert len(set(wells)) == 2
    for image in found:
        assert (scene.pixels(OmeroRef(OmeroKind.IMAGE, image.id)) == len(image.name)).all()
    outputs = {"b": made[0], "ccc": made[1], "dd": made[3], "eeeee": made[4]}
    assert scene.writer.made(scene.run) == {"s": screen, "p": plate, **outputs}


def test_an_image_that_cannot_be_read_is_on_no_plate(scene: Scene) -> None:
    screen = scene.writer.put_screen(scene.key("s"), name="s", description="")
    plate = scene.writer.put_plate(scene.key("p"), name="p", description="", screen=screen.id, like=987654)
    damaged = ArrayImage(np.zeros((1, 8, 8), np.uint8), damaged_plane=0)
    spot = PlateSpot(plate=plate.id, row=0, column=0)
    put = partial(
        scene.writer.put_image, scene.key("i"), name="i", description="", dataset=None, on_plate=spot
    )
    with pytest.raises(ImageReadError, match="damaged"):
        put(damaged)
    with scene.world.omero.reader(scene.alice.name) as reader:
        assert not [image for well in reader.contents(plate) for image in reader.contents(well.ref)]
    made = put(picture(1))
    assert [image.id for image in selected(scene, plate)] == [made.id]


def test_everything_on_plates_goes_with_the_run_and_nothing_else(scene: Scene) -> None:
    others = scene.world.container(OmeroKind.SCREEN, "others", scene.alice, scene.group)
    mine = scene.writer.put_screen(scene.key("s"), name="s", description="")
    for number, screen in enumerate((mine, others)):
        plate = scene.writer.put_plate(scene.key(f"p{number}"), name="p", description="", screen=screen.id)
        put_on(scene, "a" * (number + 1), PlateSpot(plate=plate.id, row=1, column=1))
    dataset = scene.writer.put_dataset(scene.key("d"), name="d", description="")
    targets = [mine, plate, dataset]
    scene.writer.put_map(scene.key("m"), namespace="n", pairs=[("a", "b")], targets=targets)
    assert scene.writer.remove(scene.run) == 7
    assert scene.writer.made(scene.run) == {}
    with scene.world.omero.reader(scene.alice.name) as reader:
        assert {entry.ref for entry in reader.contents()} == {scene.dataset, others}
        assert not reader.contents(others)


def test_a_dataset_is_in_all_its_projects(scene: Scene) -> None:
    projects = [scene.world.container(OmeroKind.PROJECT, n, scene.alice, scene.group) for n in ("a", "b")]
    ids = [project.id for project in projects]
    made = [
        scene.writer.put_dataset(scene.key("d"), name="d", description="", projects=ids) for _ in range(2)
    ]
    assert made[0] == made[1]
    with scene.world.omero.reader(scene.alice.name) as reader:
        assert [[entry.ref for entry in reader.contents(project)] for project in projects] == [[made[0]]] * 2
    found = scene.writer.projects_of([made[0].id])
    assert [(one.ref, one.name, one.can_link) for one in found] == [
        (projects[0], "a", True),
        (projects[1], "b", True),
    ]
    assert scene.writer.projects_of([scene.dataset.id]) == []


@pytest.mark.parametrize(
    ("access", "seen"),
    [
        (GroupAccess.PRIVATE, []),
        (GroupAccess.READ_ONLY, [False]),
        (GroupAccess.READ_ANNOTATE, [False]),
        (GroupAccess.READ_WRITE, [True]),
    ],
)
def test_into_others_projects_may_be_put_what_the_group_allows(
    world: OmeroWorld, access: GroupAccess, seen: list[bool]
) -> None:
    for scene in scene_in(world, access):
        project = world.container(OmeroKind.PROJECT, "p", scene.alice, scene.group)
        dataset = world.container(OmeroKind.DATASET, "d", scene.alice, scene.group, project)
        assert [one.can_link for one in scene.writer.projects_of([dataset.id])] == [True]
        with world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
            assert [one.can_link for one in bobs.projects_of([dataset.id])] == seen


@pytest.mark.parametrize("kind", [OmeroKind.DATASET, OmeroKind.SCREEN])
@pytest.mark.parametrize(
    ("access", "refusal"),
    [
        (GroupAccess.PRIVATE, OmeroObjectError),
        (GroupAccess.READ_ONLY, OmeroPermissionError),
        (GroupAccess.READ_ANNOTATE, OmeroPermissionError),
        (GroupAccess.READ_WRITE, None),
    ],
)
def test_containers_of_others_take_what_the_group_allows(
    world: OmeroWorld, kind: OmeroKind, access: GroupAccess, refusal: type[OmeroError] | None
) -> None:
    for scene in scene_in(world, access):
        container = world.container(kind, "c", scene.alice, scene.group)
        scene.writer.require_linkable(container)
        with world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
            if refusal is None:
                bobs.require_linkable(container)
                return
            with pytest.raises(refusal, match=str(container)):
                bobs.require_linkable(container)


def test_whatever_may_be_annotated_may_be_attached_to_and_nothing_else(scene: Scene) -> None:
    screen = OmeroRef(OmeroKind.SCREEN, 987654)
    with pytest.raises(OmeroObjectError, match="no Screen:987654"):
        scene.writer.require_annotatable([screen])
    group = scene.world.group("other", GroupAccess.READ_ONLY)
    carol = scene.world.user("carol", scene.group, group)
    dave = scene.world.user("dave", group)
    own, others = (scene.world.container(OmeroKind.PROJECT, "p", user, group) for user in (carol, dave))
    with scene.world.omero.writer(carol.name, group_id=group.id) as carols:
        carols.require_annotatable([own])
        with pytest.raises(OmeroPermissionError, match=str(others)):
            carols.require_annotatable([own, others])
    with (
        scene.world.omero.writer(carol.name, group_id=scene.group.id) as carols,
        pytest.raises(OmeroPermissionError, match=f"{own} is in "),
    ):
        carols.require_annotatable([own])


def test_more_objects_than_one_question_can_name_are_looked_at(scene: Scene) -> None:
    own = scene.world.container(OmeroKind.PROJECT, "p", scene.alice, scene.group)
    absent = [OmeroRef(OmeroKind.PROJECT, 10**9 + number) for number in range(2**15)]
    with pytest.raises(OmeroObjectError, match=f"no {absent[0]}"):
        scene.writer.require_annotatable([own, *absent])


def test_a_container_that_is_not_there_or_in_another_group_is_refused(scene: Scene) -> None:
    with pytest.raises(OmeroObjectError, match="no Screen:987654"):
        scene.writer.require_linkable(OmeroRef(OmeroKind.SCREEN, 987654))
    group = scene.world.group("other", GroupAccess.READ_WRITE)
    carol = scene.world.user("carol", scene.group, group)
    elsewhere = scene.world.container(OmeroKind.SCREEN, "s", carol, group)
    with (
        scene.world.omero.writer(carol.name, group_id=scene.group.id) as carols,
        pytest.raises(OmeroPermissionError, match=f"{elsewhere} is in "),
    ):
        carols.require_linkable(elsewhere)


def test_plates_of_others_and_in_others_screens_are_refused(scene: Scene) -> None:
    screen = scene.writer.put_screen(scene.key("s"), name="s", description="")
    plate = scene.writer.put_plate(scene.key("p"), name="p", description="", screen=screen.id)
    with scene.world.omero.writer(scene.bob.name, group_id=scene.group.id) as bobs:
        with pytest.raises(OmeroPermissionError, match=f"may not put anything into {screen}"):
            bobs.put_plate(scene.key("x"), name="p", description="", screen=screen.id)
        spot = PlateSpot(plate=plate.id, row=0, column=0)
        with pytest.raises(OmeroPermissionError, match=f"may not put anything into {plate}"):
            bobs.put_image(scene.key("i"), picture(1), name="i", description="", dataset=None, on_plate=spot)
        assert bobs.made(scene.run) == {}


@pytest.mark.parametrize("kind", [OmeroKind.DATASET, OmeroKind.SCREEN])
def test_only_ones_own_containers_of_exactly_a_name_in_the_group_are_found(
    scene: Scene, kind: OmeroKind
) -> None:
    other = scene.world.group("other", GroupAccess.READ_WRITE)
    carol = scene.world.user("carol", scene.group, other)
    add = scene.world.container
    mine = [add(kind, name, carol, scene.group) for name in ("Ünder_scores%", "x", "Ünder_scores%")]
    for name in ("ünder_scores%", "Ünder_scores% ", "Ünder_scoresX", "Under_scores%"):
        add(kind, name, carol, scene.group)
    add(kind, "Ünder_scores%", scene.alice, scene.group)
    add(kind, "Ünder_scores%", carol, other)
    with scene.world.omero.writer(carol.name, group_id=scene.group.id) as carols:
        assert list(carols.named(kind, "Ünder_scores%")) == [mine[0].id, mine[2].id]
        assert list(carols.named(kind, "nothing")) == []


def test_rois_are_told_by_the_objects_that_they_are_of(scene: Scene) -> None:
    assert scene.writer.rois_of(scene.key("rois")) == {}
    scene.writer.put_rois(scene.key("rois"), labels(20), scene.image.id, NUCLEI)
    scene.writer.put_rois(scene.key("rois/other"), labels(3), scene.image.id, NUCLEI)
    found = scene.writer.rois_of(scene.key("rois"))
    assert set(found) == {LabelledObject(number) for number in range(1, 21)}
    assert len(set(found.values())) == 20
    assert not set(found.values()) & set(scene.writer.rois_of(scene.key("rois/other")).values())
    other = OutputKey(run_id=RunId(str(uuid.uuid4())), output="rois")
    assert scene.writer.rois_of(other) == {}
    cleared = scene.writer.clear_rois(scene.image.id, name_contains="nuclei", keep=other.run_id)
    assert cleared == 23
    assert scene.writer.rois_of(scene.key("rois")) == {}


def test_objects_of_time_points_and_channels_are_told_apart(scene: Scene) -> None:
    image = scene.world.image("t.tif", scene.alice, scene.group, pixels=np.zeros((3, 1, 4, 8, 8), np.uint8))
    numbers = np.zeros((3, 2, 1, 8, 8), np.uint16)
    numbers[:, :, :, 2:4, 2:4] = 7
    numbers[1, 1, :, 6, 6] = 9
    assert put_rois(scene.writer, scene.key("r"), numbers, image) == 7
    assert sorted(scene.writer.rois_of(scene.key("r"))) == [
        *(LabelledObject(7, t, c) for t in range(3) for c in range(2)),
        LabelledObject(9, 1, 1),
    ]
    assert put_rois(scene.writer, scene.key("one"), numbers[1:2, 1:], image) == 2
    assert sorted(scene.writer.rois_of(scene.key("one"))) == [LabelledObject(7), LabelledObject(9)]


def put_rois(writer: OmeroWriter, key: OutputKey, numbers: np.ndarray, image: OmeroRef) -> int:
    return writer.put_rois(key, ArrayImage(numbers), image.id, RoiSettings())
