"""Images of wells that go to a workflow as plates: their places, their names, and what else is sent."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.local.transfer import LocalTransfer
from biomero.adapters.ngff import NgffStores, NgffWriter
from biomero.application.engine.prepare import open_run
from biomero.application.engine.stage import stage_images
from biomero.application.omero_request import OmeroRequest
from biomero.application.place_on_plates import place_on_plates
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.run_request import RequestedImage
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.domain.name_beginnings import beginnings
from biomero.domain.omero import OmeroImage, WellPlace
from biomero.domain.plates import FieldPath
from biomero.domain.run_status import ImageStage
from biomero.errors import InputError
from biomero.testing.images import ArrayImage
from services.command import REPOSITORY
from services.fake_world import FakeWorld

PLATES = REPOSITORY / "tests" / "fixtures" / "workflows" / "plates"


def well(image: int, plate: int, name: str, column: int) -> OmeroImage:
    place = WellPlace(plate_id=plate, plate_name=name, well_id=image, row=0, column=column, field=0)
    return OmeroImage(id=image, name=f"i{image}", owner_id=1, group_id=1, place=place)


def placed(*images: OmeroImage, is_asked: bool = False) -> list[tuple[str, str]]:
    omero = OmeroRequest(
        server="s", user="ann", user_id=1, group_id=1, group_name="lab", chosen=(), images=images
    )
    asked = [RequestedImage(index=n, name=i.name, path=Path("x")) for n, i in enumerate(images)]
    found = place_on_plates(asked, omero, NgffStores(), is_asked=is_asked)
    return [(image.name, image.staged_name) for image in found]


def test_each_image_gets_its_plate_and_place_and_is_called_by_them() -> None:
    assert placed(well(5, 1, "P", 0), well(6, 1, "P", 11)) == [
        ("P_A_1_0", "P.ome.zarr/A/1/0"),
        ("P_A_12_0", "P.ome.zarr/A/12/0"),
    ]


def test_plates_of_one_name_stay_two_plates() -> None:
    assert placed(well(5, 1, "P", 0), well(6, 2, "p", 0)) == [
        ("P_plate1_A_1_0", "P_plate1.ome.zarr/A/1/0"),
        ("p_plate2_A_1_0", "p_plate2.ome.zarr/A/1/0"),
    ]


def test_the_name_of_a_plate_leads_nowhere_else() -> None:
    ((name, staged),) = placed(well(5, 1, "../a b", 0))
    assert staged.count("/") == 3
    assert staged.startswith(name.removesuffix("_A_1_0") + ".ome.zarr/")
    assert ".." not in staged


def test_an_image_of_no_plate_goes_alone_and_shares_no_name_with_others() -> None:
    alone = OmeroImage(id=7, name="P_A_1_0", owner_id=1, group_id=1)
    names = placed(well(5, 1, "P", 0), alone)
    assert names == [("P_plate1_A_1_0", "P_plate1.ome.zarr/A/1/0"), ("P_A_1_0", "P_A_1_0.ome.zarr")]


def test_a_number_makes_no_plate_of_the_name_that_another_has() -> None:
    names = placed(well(5, 1, "P", 0), well(6, 2, "P", 0), well(7, 3, "p_1", 0), well(8, 4, "P_2_", 0))
    for of_images in zip(*names, strict=True):
        assert len({name.lower() for name in of_images}) == len(names), names


@pytest.mark.parametrize("name", ["P", "p"])
def test_an_image_that_is_called_as_a_plate_does_not_lie_where_the_plate_does(name: str) -> None:
    alone = OmeroImage(id=7, name=name, owner_id=1, group_id=1)
    (_, on_plate), (_, beside) = placed(well(5, 1, "P", 0), alone)
    assert on_plate == "P_plate1.ome.zarr/A/1/0"
    assert beside == f"{name}_id7.ome.zarr"


@pytest.mark.parametrize("beside", ["P", "P_A", "p_a_1", "P_A_1_0", "P_A_1_0_mask", "P_plate1", "P_A_10"])
def test_no_name_of_a_plate_field_or_image_begins_another(beside: str) -> None:
    plates = [well(5, 1, "P", 0), well(6, 1, "P", 9), well(8, 2, "P_1", 0), well(9, 3, "P_A_1_0", 0)]
    names = placed(*plates, OmeroImage(id=7, name=f"{beside}.tif", owner_id=1, group_id=1))
    of_images = [name.lower() for name, _ in names]
    in_folders = {staged.partition("/")[0].removesuffix(".ome.zarr").lower() for _, staged in names}
    assert len(in_folders) == 4
    for group in (of_images, in_folders):
        assert not [(a, b) for a, b in permutations(group, 2) if a in beginnings(b)]


def test_plates_that_were_asked_for_have_to_be_there() -> None:
    alone = OmeroImage(id=7, name="a", owner_id=1, group_id=1)
    assert placed(alone) == [("a", "a.ome.zarr")]
    with pytest.raises(InputError, match="no image is of a well"):
        placed(alone, is_asked=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FakeWorld]:
    made = FakeWorld.make(tmp_path)
    yield made
    made.services.record.close()


def test_the_plate_itself_is_sent_also_when_the_worker_died_after_the_last_image(world: FakeWorld) -> None:
    fields = [FieldPath("A", "1", "0"), FieldPath("A", "2", "0")]
    path = world.folder / "P.ome.zarr"
    NgffStores().write(path, name="P", fields=fields, version="0.5")
    for field in fields:
        NgffWriter().write(ArrayImage(np.ones((8, 8), np.uint8), "yx"), path / str(field), PyramidSettings())
    order = Order(
        workflow=str(PLATES),
        images=[path],
        results=world.folder / "out",
        python=sys.executable,
        runtime="process",
    )
    services = world.services
    run_id = accept_order(check_order(order, services), services)
    services.record.change(run_id, lambda run: run.advance_images([0], ImageStage.STAGED))
    services.record.change(run_id, lambda run: run.fail_images({1: {"message": "damaged"}}))
    context = open_run(
        run_id,
        services,
        world.cluster(),
        find_root=lambda: str(world.folder / "root"),
        store=lambda decide: services.record.change(run_id, decide),
    )
    stage_images(context)
    sent = {file.name for file in LocalTransfer().listing(context.folder.input)}
    # only wells whose image is there
    assert sent == {"P.ome.zarr/zarr.json", "P.ome.zarr/A/zarr.json", "P.ome.zarr/A/1/zarr.json"}
