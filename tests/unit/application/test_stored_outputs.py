"""Stores of OME-Zarr as outputs: plates are taken apart, and label images inside an image are results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from biomero.adapters.ngff import NgffLabelWriter, NgffSource, NgffStores, NgffWriter
from biomero.adapters.ome_tiff.writer import LosslessOmeTiffWriter
from biomero.application.deliver_results import DeliverResults, Delivery, DeliverySettings, SourceImage
from biomero.application.open_images import ImageSources
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.run_document import OutputKind
from biomero.application.stored_outputs import Found, StoredOutputs
from biomero.domain.descriptor import DescriptorFormat, WorkflowDescriptor
from biomero.domain.ids import RunId
from biomero.domain.plates import FieldPath
from biomero.testing.images import ArrayImage
from services.saved_images import PlainReport

PLACES = {0: ("P_A_1_0", "P.ome.zarr/A/1/0"), 1: ("P_A_2_0", "P.ome.zarr/A/2/0")}


def pixels(value: int) -> ArrayImage:
    array = np.zeros((8, 9), np.uint16)
    array[2:4, 3:6] = value
    return ArrayImage(array, "yx")


def plate(path: Path, *texts: str) -> Path:
    fields = [FieldPath.parse(text) for text in texts]
    NgffStores().write(path, name="P", fields=fields, version="0.5")
    for number, field in enumerate(fields, start=1):
        NgffWriter().write(pixels(number), path / str(field), PyramidSettings())
    return path


def deliver(tmp_path: Path, fetched: Path, images: list[SourceImage]) -> Delivery:
    sources = ImageSources([], folders=NgffSource())
    use_case = DeliverResults(
        images=sources,
        pyramids=NgffWriter(),
        labels=NgffLabelWriter(),
        tiffs=LosslessOmeTiffWriter(),
        report=PlainReport(),
        stores=NgffStores(),
    )
    descriptor = WorkflowDescriptor(
        name="w",
        description="",
        format=DescriptorFormat.BIOMERO_SCHEMA,
        container_image=None,
        command_line=(),
        parameters=(),
        outputs=(),
    )
    return use_case.deliver(
        run_id=RunId("run-1"),
        fetched=fetched,
        descriptor=descriptor,
        images=images,
        results=tmp_path / "results",
        settings=DeliverySettings(zarr=False, overlays=False),
    )


@pytest.mark.parametrize(
    ("name", "index", "called"),
    [
        ("P.ome.zarr", 1, "P_A_2_0.ome.zarr"),
        ("P_mask.zarr", 1, "P_A_2_0_mask.ome.zarr"),
        ("P/nuclei.zarr", 1, "P_A_2_0_nuclei.ome.zarr"),
        ("Q.ome.zarr", None, "Q_A_2_0.ome.zarr"),
        ("PQ.ome.zarr", None, "PQ_A_2_0.ome.zarr"),
    ],
)
def test_an_image_of_a_plate_is_of_the_same_place_in_the_plate_that_its_name_tells(
    tmp_path: Path, name: str, index: int | None, called: str
) -> None:
    plate(tmp_path / name, "A/2/0")
    found = StoredOutputs(NgffStores(), PLACES).split(tmp_path, name)
    assert found == [(index, Found(f"{name}/A/2/0", called))]


def test_a_place_that_was_not_sent_is_of_the_run(tmp_path: Path) -> None:
    plate(tmp_path / "P.ome.zarr", "A/1/0", "H/12/0")
    found = StoredOutputs(NgffStores(), PLACES).split(tmp_path, "P.ome.zarr")
    assert [index for index, _ in found] == [0, None]


def test_label_images_inside_an_image_are_results_of_its_source_and_the_image_stays_whole(
    tmp_path: Path,
) -> None:
    source = tmp_path / "cell.zarr"
    NgffWriter().write(pixels(7), source, PyramidSettings())
    fetched = tmp_path / "fetched"
    NgffWriter().write(pixels(7), fetched / "cell.zarr", PyramidSettings())
    NgffLabelWriter().add_label(fetched / "cell.zarr", "nuclei", pixels(1))
    NgffLabelWriter().add_label(fetched / "cell.zarr", "spots", pixels(2))
    done = deliver(tmp_path, fetched, [SourceImage(index=0, staged_stem="cell", source=source)])
    assert {(o.path, o.kind, o.image) for o in done.outputs} == {
        ("images/cell.zarr", OutputKind.IMAGE, 0),
        ("labels/cell_nuclei.ome.tif", OutputKind.LABEL, 0),
        ("labels/cell_spots.ome.tif", OutputKind.LABEL, 0),
    }
    assert done.problems == ()
    assert {o.objects for o in done.outputs if o.kind is OutputKind.LABEL} == {1}


def test_label_images_in_the_wells_of_a_plate_are_of_their_wells(tmp_path: Path) -> None:
    sent = plate(tmp_path / "P.ome.zarr", "A/1/0", "A/2/0")
    fetched = tmp_path / "fetched"
    made = plate(fetched / "P.ome.zarr", "A/1/0", "A/2/0")
    NgffLabelWriter().add_label(made / "A" / "2" / "0", "nuclei", pixels(1))
    images = [
        SourceImage(index=index, staged_stem=stem, source=sent, series=index, staged_name=place)
        for index, (stem, place) in PLACES.items()
    ]
    done = deliver(tmp_path, fetched, images)
    (labels,) = [o for o in done.outputs if o.kind is OutputKind.LABEL and o.path.endswith("_nuclei.ome.tif")]
    assert (labels.path, labels.image) == ("labels/P_A_2_0_nuclei.ome.tif", 1)
    assert labels.made_as == "P.ome.zarr/A/2/0/labels/nuclei"


@pytest.mark.parametrize("listed", ['["../../secret"]', '["nothing"]', '[1, "", "."]', '"nuclei"', "null"])
def test_a_list_of_label_images_leads_nowhere_else(tmp_path: Path, listed: str) -> None:
    store = tmp_path / "cell.zarr"
    NgffWriter().write(pixels(1), store, PyramidSettings())
    (store / "labels").mkdir()
    group = f'{{"zarr_format": 3, "node_type": "group", "attributes": {{"ome": {{"labels": {listed}}}}}}}'
    (store / "labels" / "zarr.json").write_text(group)
    assert NgffStores().labels(store) == []
