"""Finding and reading images in OMERO."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from biomero.application.pixel_blocks import pixel_windows
from biomero.domain.omero import (
    GroupAccess,
    OmeroGroup,
    OmeroImage,
    OmeroKind,
    OmeroRef,
    OmeroSelection,
    OmeroUser,
)
from biomero.errors import ImageReadError, InputError, OmeroLoginError, OmeroObjectError
from services.omero_world import PIXELS, OmeroWorld

ACCESSES = [GroupAccess.PRIVATE, GroupAccess.READ_ONLY, GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE]


@pytest.fixture
def lab(world: OmeroWorld) -> OmeroGroup:
    return world.group("lab", GroupAccess.READ_ANNOTATE)


@pytest.fixture
def alice(world: OmeroWorld, lab: OmeroGroup) -> OmeroUser:
    return world.user("alice", lab)


def select(world: OmeroWorld, user: OmeroUser, *chosen: OmeroRef) -> OmeroSelection:
    with world.omero.reader(user.name) as reader:
        return reader.select(chosen)


def names(selection: OmeroSelection) -> list[str]:
    return [image.name for image in selection.images]


def dataset(
    world: OmeroWorld,
    owner: OmeroUser,
    group: OmeroGroup,
    images: Sequence[str],
    *,
    name: str = "d",
    project: OmeroRef | None = None,
) -> OmeroRef:
    made = world.container(OmeroKind.DATASET, name, owner, group, project)
    for image in images:
        world.image(image, owner, group, dataset=made)
    return made


def test_one_reads_as_oneself(world: OmeroWorld, alice: OmeroUser) -> None:
    with world.omero.reader(alice.name) as reader:
        assert (reader.user.id, reader.user.name) == (alice.id, alice.name)


def test_nobody_reads_whom_omero_does_not_know(world: OmeroWorld) -> None:
    with pytest.raises(OmeroLoginError, match="no user mallory"), world.omero.reader("mallory"):
        pass


def test_images_of_a_dataset_come_by_name_as_people_count(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    chosen = dataset(world, alice, lab, ["cell 10", "cell 9", "Cell 1", "ähre/ü.tif"])
    selection = select(world, alice, chosen)
    assert names(selection) == ["Cell 1", "cell 9", "cell 10", "ähre/ü.tif"]
    assert selection.group == lab
    assert selection.problems == ()


def test_images_of_one_name_come_by_id(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    images = select(world, alice, dataset(world, alice, lab, ["a", "a", "a"])).images
    assert len(images) == 3
    assert [image.id for image in images] == sorted(image.id for image in images)


def test_a_project_has_the_images_of_its_datasets(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    project = world.container(OmeroKind.PROJECT, "p", alice, lab)
    dataset(world, alice, lab, ["c"], name="day 10", project=project)
    dataset(world, alice, lab, ["b", "a"], name="day 9", project=project)
    dataset(world, alice, lab, [], name="day 1", project=project)
    dataset(world, alice, lab, ["elsewhere"])
    selection = select(world, alice, project)
    assert names(selection) == ["a", "b", "c"]
    assert selection.problems == ()


def test_the_order_of_the_choice_is_kept_and_each_image_comes_once(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    late = world.image("late", alice, lab)
    both = dataset(world, alice, lab, ["b", "a"])
    first = select(world, alice, both).images[1]
    chosen = (OmeroRef(OmeroKind.IMAGE, first.id), late, both, late)
    assert names(select(world, alice, *chosen)) == ["b", "late", "a"]


def test_an_image_knows_whose_it_is_and_where(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    inside = dataset(world, alice, lab, ["a"])
    alone = world.image("alone", alice, lab)
    first, second = select(world, alice, inside, alone).images
    assert first == OmeroImage(
        id=first.id, name="a", owner_id=alice.id, group_id=lab.id, parents=(inside,), can_annotate=True
    )
    assert second == OmeroImage(id=alone.id, name="alone", owner_id=alice.id, group_id=lab.id)


def test_a_plate_has_its_images_well_by_well(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    wells = {(1, 0): [PIXELS], (0, 11): [PIXELS, PIXELS], (0, 2): [PIXELS], (7, 5): []}
    plate = world.plate("screening 7", wells, alice, lab)
    selection = select(world, alice, plate)
    places = [image.place for image in selection.images if image.place is not None]
    assert [(p.row, p.column, p.field) for p in places] == [(0, 2, 0), (0, 11, 0), (0, 11, 1), (1, 0, 0)]
    assert {(p.plate_id, p.plate_name) for p in places} == {(plate.id, "screening 7")}
    assert [i.parents for i in selection.images] == [(OmeroRef(OmeroKind.WELL, p.well_id),) for p in places]


def test_wells_and_screens_can_be_chosen(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    screen = world.container(OmeroKind.SCREEN, "s", alice, lab)
    world.plate("plate 10", {(0, 0): [PIXELS]}, alice, lab, screen)
    world.plate("plate 9", {(0, 1): [PIXELS], (0, 0): [PIXELS]}, alice, lab, screen)
    images = select(world, alice, screen).images
    places = [image.place for image in images if image.place is not None]
    assert [(p.plate_name, p.column) for p in places] == [("plate 9", 0), ("plate 9", 1), ("plate 10", 0)]
    wells = [OmeroRef(OmeroKind.WELL, p.well_id) for p in places]
    assert select(world, alice, wells[2], wells[0]).images == (images[2], images[0])


def test_an_image_that_is_chosen_itself_knows_its_well(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    by_plate = select(world, alice, world.plate("p", {(3, 4): [PIXELS, PIXELS]}, alice, lab)).images[1]
    itself = select(world, alice, OmeroRef(OmeroKind.IMAGE, by_plate.id)).images
    assert itself == (by_plate,)


def test_what_is_empty_is_said(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    empty = dataset(world, alice, lab, [], name="nothing yet")
    selection = select(world, alice, empty, dataset(world, alice, lab, ["a"]))
    assert names(selection) == ["a"]
    assert selection.problems == (f"{empty} (nothing yet) has no image",)


def test_nothing_at_all_is_an_error(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    empty = dataset(world, alice, lab, [], name="nothing yet")
    with pytest.raises(InputError, match="nothing yet"):
        select(world, alice, empty, world.plate("p", {(0, 0): []}, alice, lab))
    with pytest.raises(InputError, match="nothing was chosen"):
        select(world, alice)


def test_objects_of_several_groups_are_refused_by_the_names_of_the_groups(
    world: OmeroWorld, lab: OmeroGroup
) -> None:
    other = world.group("other", GroupAccess.PRIVATE)
    bob = world.user("bob", lab, other)
    here, there = dataset(world, bob, lab, ["a"]), world.image("b", bob, other)
    with pytest.raises(InputError, match="several groups") as refused:
        select(world, bob, here, there)
    assert lab.name in str(refused.value)
    assert other.name in str(refused.value)
    assert names(select(world, bob, there)) == ["b"]  # in a group that is not their default one


@pytest.mark.parametrize("kind", ["Image", "Dataset", "Project", "Plate", "Well", "Screen"])
def test_what_does_not_exist_is_named(world: OmeroWorld, alice: OmeroUser, kind: str) -> None:
    ref = OmeroRef.parse(f"{kind}:987654321")
    with pytest.raises(OmeroObjectError, match=str(ref)):
        select(world, alice, ref)


@pytest.mark.parametrize("access", ACCESSES, ids=lambda a: a.value)
def test_a_group_says_what_members_may_see_and_annotate(world: OmeroWorld, access: GroupAccess) -> None:
    group = world.group("shared", access)
    alice, bob = world.user("ann", group), world.user("bob", group)
    of_bob = world.image("of bob", bob, group)
    if access is GroupAccess.PRIVATE:
        with pytest.raises(OmeroObjectError, match=str(of_bob)):
            select(world, alice, of_bob)
        return
    selection = select(world, alice, of_bob)
    assert selection.group == group
    may_annotate = access in {GroupAccess.READ_ANNOTATE, GroupAccess.READ_WRITE}
    assert [image.can_annotate for image in selection.images] == [may_annotate]


def test_whoever_is_no_member_sees_nothing(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    stranger = world.user("stranger", world.group("elsewhere", GroupAccess.READ_WRITE))
    image = world.image("a", alice, lab)
    with pytest.raises(OmeroObjectError), world.omero.reader(stranger.name) as reader:
        reader.select([image])
    with pytest.raises(OmeroObjectError), world.omero.reader(stranger.name) as reader:
        reader.open(image.id)


def test_pixels_are_read_piece_by_piece(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    image = world.image("a/b: ü.tif", alice, lab)
    with world.omero.reader(alice.name) as reader, reader.open(image.id) as opened:
        metadata = opened.metadata
        assert (metadata.name, metadata.axes, metadata.dtype) == ("a/b: ü.tif", "czyx", "uint16")
        assert metadata.shape == PIXELS.shape[1:]
        for window in pixel_windows(opened):
            assert np.array_equal(
                window.read(opened), PIXELS[window.t, window.c, window.z, window.y, window.x]
            )
        assert np.array_equal(opened.read(c=1, z=2, y=slice(3, 9), x=slice(4, 5)), PIXELS[0, 1, 2, 3:9, 4:5])


def test_an_image_without_pixels_cannot_be_read(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    image = world.image_without_pixels("only a name", alice, lab)
    assert names(select(world, alice, image)) == ["only a name"]
    with (
        world.omero.reader(alice.name) as reader,
        pytest.raises(ImageReadError, match="has no pixels"),
        reader.open(image.id),
    ):
        pass


def test_an_image_that_is_not_there_cannot_be_opened(world: OmeroWorld, alice: OmeroUser) -> None:
    with world.omero.reader(alice.name) as reader, pytest.raises(OmeroObjectError, match="Image:987654321"):
        reader.open(987654321)


def test_what_takes_no_results_is_said_before(world: OmeroWorld) -> None:
    group = world.group("look", GroupAccess.READ_ONLY)
    ann, bob = world.user("ann", group), world.user("bob", group)
    own, foreign = world.image("own", ann, group), world.image("foreign", bob, group)
    images = select(world, ann, own, foreign).images
    (said,) = world.omero.check_writable(ann.name, images)
    assert "(foreign)" in said
    assert ann.name in said
    assert world.omero.check_writable(ann.name, images[:1]) == []


def test_what_was_deleted_since_takes_no_results(
    world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser
) -> None:
    (image,) = select(world, alice, world.image("a", alice, lab)).images
    gone = dataclasses.replace(image, id=987654321)
    assert len(world.omero.check_writable(alice.name, [gone])) == 1


def test_what_is_where_is_listed_level_by_level(world: OmeroWorld, lab: OmeroGroup, alice: OmeroUser) -> None:
    project = world.container(OmeroKind.PROJECT, "p", alice, lab)
    inner = dataset(world, alice, lab, ["image 10", "image 2"], name="inner", project=project)
    alone = dataset(world, alice, lab, [], name="alone")
    screen = world.container(OmeroKind.SCREEN, "s", alice, lab)
    plate = world.plate("plate", {(1, 0): [PIXELS], (0, 11): [PIXELS, PIXELS]}, alice, lab, screen)
    with world.omero.reader(alice.name) as reader:
        assert [(e.ref, e.name) for e in reader.contents()] == [
            (project, "p"),
            (alone, "alone"),
            (screen, "s"),
        ]
        (listed,) = reader.contents(project)
        assert (listed.ref, listed.owner, listed.group) == (inner, alice.name, lab.name)
        assert [entry.name for entry in reader.contents(inner)] == ["image 2", "image 10"]
        assert [entry.ref for entry in reader.contents(screen)] == [plate]
        wells = reader.contents(plate)
        assert [entry.name for entry in wells] == ["A12", "B01"]
        assert len(reader.contents(wells[0].ref)) == 2
        assert reader.contents(alone) == reader.contents(reader.contents(inner)[0].ref)


def test_nobody_lists_what_they_may_not_see(world: OmeroWorld) -> None:
    private = world.group("private", GroupAccess.PRIVATE)
    alice, bob = world.user("alice", private), world.user("bob", private)
    hidden = dataset(world, alice, private, ["a"])
    with world.omero.reader(bob.name) as reader:
        assert list(reader.contents()) == []
        with pytest.raises(OmeroObjectError, match=str(hidden)):
            reader.contents(hidden)
