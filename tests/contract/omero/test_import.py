"""Where the images of results go, and which ROIs rows of tables point at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from biomero.application.import_objects import Imported
from biomero.application.omero_request import OmeroWishes, RoiWish
from biomero.application.ports.omero import OutputKey
from biomero.application.result_names import rois_key
from biomero.application.run_document import OutputKind
from biomero.domain.omero import GroupAccess, OmeroGroup, OmeroImage, OmeroKind, OmeroRef, OmeroUser
from services.omero_import import Results
from services.omero_world import OmeroWorld

SIZE = (24, 32)
TO_SCREEN = OmeroWishes(images=True, label_images=True, screen_name="results")


@pytest.fixture
def group(world: OmeroWorld) -> OmeroGroup:
    return world.group("lab", GroupAccess.READ_ANNOTATE)


@pytest.fixture
def alice(world: OmeroWorld, group: OmeroGroup) -> OmeroUser:
    return world.user("alice", group)


def plain() -> NDArray[np.uint8]:
    return np.zeros((1, 1, 1, *SIZE), np.uint8)


def filled(number: int) -> NDArray[np.uint16]:
    return np.full(SIZE, number, np.uint16)


def inside(world: OmeroWorld, user: OmeroUser, ref: OmeroRef | None = None) -> list[OmeroRef]:
    with world.omero.reader(user.name) as reader:
        return [entry.ref for entry in reader.contents(ref)]


def images_in(world: OmeroWorld, user: OmeroUser, ref: OmeroRef) -> list[tuple[OmeroImage, int]]:
    """Return images with the value of their first pixel."""
    with world.omero.reader(user.name) as reader:
        found = reader.select([ref]).images
        first = slice(0, 1)
        return [(image, int(reader.open(image.id).read(y=first, x=first)[0, 0])) for image in found]


def only(imported: Imported, kind: OmeroKind) -> OmeroRef:
    (found,) = {made.ref for made in imported.objects if made.ref.kind is kind}
    return found


@pytest.mark.parametrize(
    "access", [GroupAccess.PRIVATE, GroupAccess.READ_ONLY, GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE]
)
def test_results_of_plates_become_plates_well_by_well(
    world: OmeroWorld, access: GroupAccess, tmp_path: Path
) -> None:
    group = world.group("plates", access)
    alice = world.user("alice", group)
    plates = [
        world.plate("one", {(0, 1): [plain(), plain()], (7, 11): [plain()]}, alice, group),
        world.plate("two", {(0, 1): [plain()]}, alice, group),
    ]
    results = Results(tmp_path, world, alice.name, plates)
    # the values of pixels tell plate, field and output; they come in another order than that of fields
    results.image("images/x.tif", filled(31), of=2, kind=OutputKind.IMAGE)
    results.image("labels/b.tif", filled(22), of=1)
    results.image("labels/a.tif", filled(11), of=0)
    results.image("images/b.tif", filled(21), of=1, kind=OutputKind.IMAGE)
    results.image("labels/d.tif", filled(41), of=3)
    told = [results.put(TO_SCREEN) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0].problems == ()
    screen = only(told[0], OmeroKind.SCREEN)
    with world.omero.reader(alice.name) as reader:
        made = {entry.name: entry.ref for entry in reader.contents(screen)}
    assert set(made) == {"one [nuclei]", "two [nuclei]"}
    found = [(i.place, value) for i, value in images_in(world, alice, made["one [nuclei]"])]
    assert [(p.row, p.column, p.field, value) for p, value in found if p is not None] == [
        (0, 1, 0, 11),
        (0, 1, 1, 21),
        (0, 1, 2, 22),
        (7, 11, 0, 31),
    ]
    assert [value for _, value in images_in(world, alice, made["two [nuclei]"])] == [41]
    assert set(inside(world, alice)) == {*plates, screen}


def test_results_of_no_plates_image_go_into_the_dataset_with_a_note(
    world: OmeroWorld, group: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    screen = world.container(OmeroKind.SCREEN, "existing", alice, group)
    plate = world.plate("p", {(2, 3): [plain()]}, alice, group)
    single = world.image("single.tif", alice, group, pixels=plain())
    results = Results(tmp_path, world, alice.name, [single, plate])
    results.image("labels/single.tif", filled(1), of=0)
    results.image("labels/field.tif", filled(2), of=1)
    results.image("images/all.tif", filled(3), of=None, kind=OutputKind.IMAGE)
    imported = results.put(OmeroWishes(images=True, label_images=True, screen_id=screen.id))
    dataset = only(imported, OmeroKind.DATASET)
    assert sorted(value for _, value in images_in(world, alice, dataset)) == [1, 3]
    assert [value for _, value in images_in(world, alice, screen)] == [2]
    assert [problem.partition(" is ")[0] for problem in imported.problems] == [
        "'labels/single.tif'",
        "'images/all.tif'",
    ]
    assert not [made for made in imported.objects if made.ref.kind is OmeroKind.SCREEN]


def test_a_new_dataset_is_in_the_projects_of_the_images_where_the_user_may(
    world: OmeroWorld, group: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    bob = world.user("bob", group)
    images = []
    projects = []
    for name, owner in (("mine", alice), ("bobs", bob), ("other", alice)):
        projects.append(world.container(OmeroKind.PROJECT, name, owner, group))
        dataset = world.container(OmeroKind.DATASET, name, owner, group, projects[-1])
        images.append(world.image(name, owner, group, pixels=plain(), dataset=dataset))
    results = Results(tmp_path, world, alice.name, [*images, *images[:1]])
    results.image("labels/a.tif", filled(1), of=0)
    told = [results.put(OmeroWishes(label_images=True, dataset_name="new")) for _ in range(2)]
    assert told[0] == told[1]
    made = only(told[0], OmeroKind.DATASET)
    assert [made in inside(world, alice, project) for project in projects] == [True, False, True]
    (problem,) = told[0].problems
    assert f"is not in {projects[1]} (bobs)" in problem
    assert alice.name in problem


def test_a_dataset_that_another_run_made_meanwhile_under_the_name_is_used(
    world: OmeroWorld, group: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    image = world.image("a.tif", alice, group, pixels=plain())
    results = Results(tmp_path, world, alice.name, [image])
    results.image("labels/a.tif", filled(1), of=0)
    there = world.container(OmeroKind.DATASET, "shared", alice, group)
    wishes = OmeroWishes(label_images=True, dataset_name="shared", reuse_named=True)
    for _ in range(2):
        imported = results.put(wishes)
        assert [made.ref.kind for made in imported.objects] == [OmeroKind.IMAGE]
    assert len(inside(world, alice, there)) == 1
    # whoever has several gets a new one, and no other later
    world.container(OmeroKind.DATASET, "shared", alice, group)
    results = Results(tmp_path, world, alice.name, [image])
    results.image("labels/a.tif", filled(1), of=0)
    first = results.put(wishes)
    assert "several are called 'shared'" in first.problems[0]
    assert results.put(wishes).objects == first.objects
    assert len([ref for ref in inside(world, alice) if ref.kind is OmeroKind.DATASET]) == 3


def test_rows_of_tables_point_at_rois_also_where_the_rois_are_of_an_earlier_round(
    world: OmeroWorld, group: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    images = [world.image(name, alice, group, pixels=plain()) for name in ("a.tif", "b.tif")]
    results = Results(tmp_path, world, alice.name, images)
    numbers = np.kron(np.arange(1, 13).reshape(3, 4), np.ones((8, 8), int)).astype(np.uint16)
    results.image("labels/image_0.tif", numbers, of=0)
    results.table("image_0.csv", "label,area\n3,64\n77,1\n1,64\n", of=0)
    wishes = OmeroWishes(rois=RoiWish(shape="mask"), tables=True)
    earlier = list(results.outputs)
    first = results.put(wishes)
    results.image("labels/image_1.tif", numbers, of=1)
    results.table("all.csv", "image,label\nimage_1,5\nimage_0,5\n", of=None)
    new = results.outputs[2:]
    second = [results.put(wishes, outputs=new, earlier=earlier, round=1) for _ in range(2)]
    assert second[0] == second[1]
    rois = [
        rois_in(world, alice, group, OutputKey(run_id=results.run_id, output=rois_key(i.id, label)))
        for i, label in zip(images, results.outputs[::2], strict=True)
    ]
    one = world.table(only(first, OmeroKind.TABLE), alice)
    assert one["Roi"] == [rois[0][3], -1, rois[0][1]]
    both = world.table(only(second[0], OmeroKind.TABLE), alice)
    assert both["Roi"] == [rois[1][5], rois[0][5]]
    assert both["Image"] == [images[1].id, images[0].id]


def rois_in(world: OmeroWorld, user: OmeroUser, group: OmeroGroup, key: OutputKey) -> dict[int, int]:
    with world.omero.writer(user.name, group_id=group.id) as writer:
        found = {one.number: roi for one, roi in writer.rois_of(key).items()}
    assert sorted(found) == list(range(1, 13))
    return found


def test_overlays_are_attached_to_the_images_that_they_show(
    world: OmeroWorld, group: OmeroGroup, alice: OmeroUser, tmp_path: Path
) -> None:
    images = [world.image("same.tif", alice, group, pixels=plain()) for _ in range(2)]
    results = Results(tmp_path, world, alice.name, images)
    for number in (1, 0):
        results.file(f"overlays/{number}.png", b"picture", of=number, kind=OutputKind.OVERLAY)
    imported = results.put(OmeroWishes(overlays=True))
    assert [world.images_of(made.ref) for made in imported.objects] == [[images[1]], [images[0]]]
