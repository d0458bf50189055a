from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from biomero.adapters.ngff import NgffStores, NgffWriter
from biomero.adapters.ome_tiff.writer import LosslessOmeTiffWriter
from biomero.application.deliver_results import DeliverResults, Delivery, DeliverySettings, SourceImage
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.results_folder import claim_results_folder
from biomero.application.run_document import OutputKind, OutputRecord
from biomero.domain.descriptor import DescriptorFormat, Output, WorkflowDescriptor
from biomero.domain.ids import RunId
from biomero.domain.imaging import Quantity
from biomero.domain.plates import FieldPath
from biomero.errors import InputError
from biomero.testing.images import ArrayImage
from services.saved_images import (
    MICRONS,
    PlainReport,
    SavedImages,
    SavedPyramids,
    pixels_of,
    save,
)

RUN = RunId("run-1")
Deliver = Callable[..., Delivery]
LABEL_OUTPUT = Output(id="labels", type="image", name="Labels", sub_types=("label",), formats=("tif",))


def descriptor(*outputs: Output) -> WorkflowDescriptor:
    return WorkflowDescriptor(
        name="w",
        description="",
        format=DescriptorFormat.BIOMERO_SCHEMA,
        container_image=None,
        command_line=(),
        parameters=(),
        outputs=outputs,
    )


def three_objects(dtype: str = "uint16") -> np.ndarray[Any, Any]:
    labels = np.zeros((8, 9), dtype=dtype)
    labels[1, 1], labels[3:5, 3], labels[7, 8] = 1, 2, 300 if dtype != "uint8" else 200
    return labels


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "cell.tif"
    save(path, ArrayImage(np.arange(72, dtype="uint16").reshape(1, 8, 9), axes="cyx", scale=MICRONS))
    return path


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    path = tmp_path / "fetched"
    path.mkdir()
    return path


@pytest.fixture
def deliver(tmp_path: Path, source: Path, fetched: Path) -> Deliver:
    use_case = DeliverResults(
        images=SavedImages(),
        pyramids=SavedPyramids(),
        labels=SavedPyramids(),
        tiffs=LosslessOmeTiffWriter(),
        report=PlainReport(),
        stores=NgffStores(),
    )

    def run(*outputs: Output, images: list[SourceImage] | None = None, **more: Any) -> Delivery:
        return use_case.deliver(
            run_id=RUN,
            fetched=fetched,
            descriptor=descriptor(*outputs),
            images=images or [SourceImage(index=0, staged_stem="cell", source=source)],
            results=tmp_path / "results",
            **more,
        )

    return run


def doubts(delivery: Delivery) -> list[str]:
    return [problem.partition(",")[0] for problem in delivery.problems if "as well" in problem]


def by_path(delivery: Delivery) -> dict[str, OutputRecord]:
    return {output.path: output for output in delivery.outputs}


def test_a_label_image_is_delivered_with_the_pixel_size_of_its_source(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    save(fetched / "cell_nuclei.tif", ArrayImage(three_objects()))
    delivery = deliver(LABEL_OUTPUT)
    outputs = by_path(delivery)
    assert list(outputs) == ["labels/cell_nuclei.ome.tif", "overlays/cell.png", "zarr/cell.ome.zarr"]
    record = outputs["labels/cell_nuclei.ome.tif"]
    assert (record.kind, record.image, record.objects, record.made_as) == (
        OutputKind.LABEL,
        0,
        3,
        "cell_nuclei.tif",
    )
    assert delivery.objects == {0: 3}
    with tifffile.TiffFile(tmp_path / "results" / record.path) as tiff:
        np.testing.assert_array_equal(tiff.asarray(), three_objects())
        assert tiff.ome_metadata is not None
        said = tifffile.xml2dict(tiff.ome_metadata)["OME"]["Image"]["Pixels"]
    assert (said["PhysicalSizeX"], said["PhysicalSizeXUnit"]) == (0.25, "µm")


def test_the_store_holds_the_source_and_its_labels(tmp_path: Path, fetched: Path, deliver: Deliver) -> None:
    save(fetched / "cell_nuclei.tif", ArrayImage(three_objects()))
    save(fetched / "cell.tif", ArrayImage(three_objects()))
    deliver(LABEL_OUTPUT)
    store = tmp_path / "results" / "zarr" / "cell.ome.zarr"
    assert pixels_of(SavedImages().open(store)).sum() == np.arange(72).sum()
    labels = SavedImages().open(store / "labels" / "nuclei")
    assert labels.metadata.scale == MICRONS
    assert {p.name for p in (store / "labels").iterdir()} == {"nuclei", "labels"}


def test_without_description_a_label_image_is_known_by_its_sources_name(
    fetched: Path, deliver: Deliver
) -> None:
    save(fetched / "cell.tif", ArrayImage(three_objects()))
    save(fetched / "cell_filtered.tif", ArrayImage(three_objects()))
    outputs = by_path(deliver())
    assert outputs["labels/cell.ome.tif"].kind is OutputKind.LABEL
    assert outputs["images/cell_filtered.tif"].kind is OutputKind.IMAGE
    assert outputs["images/cell_filtered.tif"].image == 0


@pytest.mark.parametrize(
    "image",
    [
        ArrayImage(three_objects().astype("float32")),
        ArrayImage(three_objects()[:4]),
        ArrayImage(np.zeros((3, 8, 9), dtype="uint8"), axes="cyx", is_rgb=True),
    ],
)
def test_without_description_anything_else_is_an_image(
    fetched: Path, deliver: Deliver, image: ArrayImage
) -> None:
    save(fetched / "cell.tif", image)
    assert by_path(deliver())["images/cell.tif"].kind is OutputKind.IMAGE


def test_outputs_never_go_to_another_image_by_their_order(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    images = []
    for index, stem in enumerate(["B", "A", "A_1"]):
        path = tmp_path / "in" / f"{stem}.tif"
        save(path, ArrayImage(np.zeros((8, 9), dtype="uint8")))
        images.append(SourceImage(index=index, staged_stem=stem, source=path))
    for name in ("A_overlay.png", "B_overlay.png", "A_1.csv", "AB.csv"):
        (fetched / name).write_text(name)
    delivery = deliver(images=images, settings=DeliverySettings(overlays=False))
    assert {path: output.image for path, output in by_path(delivery).items()} == {
        "files/A_overlay.png": 1,
        "files/B_overlay.png": 0,
        "tables/A_1.csv": 2,
        "tables/AB.csv": None,
    }
    assert doubts(delivery) == ["'A_1.csv' may be of A as well"]
    # another round of A_1 alone, in which A's table is not written again
    again = deliver(images=images, settings=DeliverySettings(overlays=False), earlier=["A.csv"])
    assert not doubts(again)


def test_a_plate_that_may_be_of_two_plates_is_doubted(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    images = []
    for index, plate in enumerate(["P", "P_1"]):
        path = tmp_path / "in" / f"{plate}.tif"
        save(path, ArrayImage(np.zeros((8, 9), dtype="uint8")))
        images.append(
            SourceImage(
                index=index,
                staged_stem=f"{plate}_A_1_0",
                source=path,
                staged_name=f"{plate}.ome.zarr/A/1/0",
            )
        )
    field = FieldPath("A", "1", "0")
    NgffStores().write(fetched / "P_1.ome.zarr", name="P_1", fields=[field], version="0.5")
    NgffWriter().write(
        ArrayImage(np.ones((8, 9), np.uint8)), fetched / "P_1.ome.zarr" / str(field), PyramidSettings()
    )
    delivery = deliver(images=images, settings=DeliverySettings(overlays=False))
    assert {output.image for output in delivery.outputs if output.made_as} == {1}
    assert doubts(delivery) == ["'P_1.ome.zarr' may be of P as well"]


def test_everything_is_kept_even_what_nobody_can_read(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    (fetched / "cell.tif").write_bytes(b"no image")
    (fetched / "deep" / "er").mkdir(parents=True)
    (fetched / "deep" / "er" / "model.bin").write_bytes(b"\0\1")
    (fetched / "cell.csv").write_text("a,b\n")
    save(fetched / "pyramid.zarr", ArrayImage(np.zeros((4, 4), dtype="float32")))
    (fetched / "link.csv").symlink_to("/etc/passwd")
    delivery = deliver(LABEL_OUTPUT)
    assert {(o.path, o.kind.value) for o in delivery.outputs} == {
        ("files/cell.tif", "file"),
        ("files/deep/er/model.bin", "file"),
        ("tables/cell.csv", "table"),
        ("images/pyramid.zarr", "image"),
        ("overlays/cell.png", "overlay"),
    }
    assert (tmp_path / "results" / "files" / "cell.tif").read_bytes() == b"no image"
    assert len(delivery.problems) == 1
    assert "'cell.tif' cannot be read" in delivery.problems[0]


def test_a_label_image_that_has_its_metadata_keeps_its_bytes(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    save(fetched / "cell.ome.tif", ArrayImage(three_objects(), scale=MICRONS))
    assert by_path(deliver(LABEL_OUTPUT))["labels/cell.ome.tif"].objects == 3
    delivered = (tmp_path / "results" / "labels" / "cell.ome.tif").read_bytes()
    assert delivered == (fetched / "cell.ome.tif").read_bytes()


def test_labels_of_64_bits_are_narrowed_where_they_fit(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    huge = three_objects("int64")
    huge[0, 0] = 1 << 40
    save(fetched / "cell_a.tif", ArrayImage(three_objects("int64")))
    save(fetched / "cell_b.tif", ArrayImage(huge))
    outputs = by_path(deliver(LABEL_OUTPUT))
    assert tifffile.imread(tmp_path / "results" / "labels" / "cell_a.ome.tif").dtype == np.uint32
    assert outputs["labels/cell_b.tif"].objects == 4


def test_a_stack_mistaken_for_channels_is_a_stack_again(
    tmp_path: Path, fetched: Path, deliver: Deliver
) -> None:
    scale = {**MICRONS, "z": Quantity(value=1, unit="micrometer")}
    source = tmp_path / "in" / "stack.tif"
    save(source, ArrayImage(np.zeros((2, 4, 8, 9), dtype="uint8"), axes="czyx", scale=scale))
    labels = np.arange(4 * 72, dtype="uint16").reshape(4, 8, 9)
    save(fetched / "stack.tif", ArrayImage(labels, axes="cyx"))
    deliver(LABEL_OUTPUT, images=[SourceImage(index=0, staged_stem="stack", source=source)])
    with tifffile.TiffFile(tmp_path / "results" / "labels" / "stack.ome.tif") as tiff:
        assert tiff.series[0].axes == "ZYX"
        np.testing.assert_array_equal(tiff.asarray(), labels)


def test_labels_of_another_size_are_kept_and_named_but_not_laid_upon_the_image(
    fetched: Path, deliver: Deliver
) -> None:
    save(fetched / "cell.tif", ArrayImage(three_objects()[:4]))
    delivery = deliver(LABEL_OUTPUT)
    assert list(by_path(delivery)) == ["labels/cell.ome.tif", "overlays/cell.png"]
    assert "9 x 4 pixels, its source 9 x 8" in delivery.problems[0]


def test_labels_that_are_no_whole_numbers_are_named(fetched: Path, deliver: Deliver) -> None:
    save(fetched / "cell.tif", ArrayImage(three_objects().astype("float32")))
    delivery = deliver(LABEL_OUTPUT)
    assert "images/cell.tif" in by_path(delivery)
    assert "float32" in delivery.problems[0]


def test_labels_come_even_when_their_source_is_gone(source: Path, fetched: Path, deliver: Deliver) -> None:
    save(fetched / "cell.tif", ArrayImage(three_objects()))
    source.unlink()
    delivery = deliver(LABEL_OUTPUT)
    assert list(by_path(delivery)) == ["labels/cell.ome.tif"]
    assert "cannot be read any more" in delivery.problems[0]


def tree(folder: Path) -> dict[str, bytes]:
    return {os.fspath(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_delivering_twice_gives_the_same_folder(tmp_path: Path, fetched: Path, deliver: Deliver) -> None:
    save(fetched / "cell.tif", ArrayImage(three_objects()))
    save(fetched / "cell.png", ArrayImage(three_objects()))
    (fetched / "cell.csv").write_text("a")
    first = deliver()
    (tmp_path / "results" / ".part").mkdir()
    (tmp_path / "results" / ".part" / "left-over").touch()
    before = tree(tmp_path / "results")
    before.pop(".part/left-over")
    assert deliver() == first
    assert tree(tmp_path / "results") == before
    assert {"labels/cell.ome.tif", "labels/cell-2.ome.tif"} <= set(by_path(first))


def test_hostile_names_stay_names(tmp_path: Path, fetched: Path, deliver: Deliver) -> None:
    stem = "a b;$(touch pwned)'\"\n"
    source = tmp_path / "in" / f"{stem}.tif"
    save(source, ArrayImage(np.zeros((8, 9), dtype="uint8")))
    save(fetched / f"{stem}.tif", ArrayImage(three_objects()))
    (fetched / os.fsdecode(b"caf\xe9.csv")).write_text("x")
    (fetched / "..hidden").write_text("x")
    images = [SourceImage(index=0, staged_stem=stem, source=source)]
    outputs = by_path(deliver(images=images))
    assert set(outputs) == {
        f"labels/{stem}.ome.tif",
        f"zarr/{stem}.ome.zarr",
        f"overlays/{stem}.png",
        "tables/caf\udce9.csv",
        "files/..hidden",
    }
    assert all((tmp_path / "results" / path).exists() for path in outputs)


def test_results_of_another_run_are_not_touched(tmp_path: Path, deliver: Deliver) -> None:
    claim_results_folder(tmp_path / "results", RunId("run-0"))
    with pytest.raises(InputError, match="run-0"):
        deliver()
    assert json.loads((tmp_path / "results" / "run.json").read_bytes())["id"] == "run-0"


def test_whoever_waits_hears_of_each_image(deliver: Deliver) -> None:
    heard: list[int] = []
    deliver(on_image=heard.append)
    assert heard == [0]
