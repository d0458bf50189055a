"""What is prepared on a cluster, what is named as missing, and which versions are there."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.list_versions import converter_versions, workflow_versions
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.image_store import (
    ImageFile,
    ShowImage,
    StoredImage,
    WantedImage,
    show_nothing,
)
from biomero.application.prepare_cluster import (
    Outcome,
    PreparedItem,
    PrepareUpdate,
    prepare_cluster,
    prepare_folders,
    prepare_workflows,
)
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, PullSettings, Settings, WorkflowSettings
from biomero.bootstrap import make_services
from biomero.errors import BiomeroError, ContainerImageError, RemotePermissionError
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler
from services.command import REPOSITORY, THRESHOLD


@dataclass
class SomeImages:
    """Has images by their path; those whose source holds a word cannot be had."""

    there: dict[str, int] = field(default_factory=dict)
    impossible: str = "impossible"

    def find(self, wanted: WantedImage) -> StoredImage | None:
        if wanted.path not in self.there:
            return None
        return StoredImage(path=wanted.path, digest="sha256:1", source=wanted.source)

    def fetch(
        self, wanted: Sequence[WantedImage], *, show: ShowImage = show_nothing
    ) -> list[StoredImage | BiomeroError]:
        found: list[StoredImage | BiomeroError] = []
        for image in wanted:
            show(image, "pulling")
            if self.impossible in image.source:
                found.append(ContainerImageError(f"{image.title} cannot be pulled"))
                continue
            was_made = image.path not in self.there
            self.there[image.path] = 1
            found.append(
                StoredImage(path=image.path, digest="sha256:1", source=image.source, was_made=was_made)
            )
        return found

    def files(self, folder: str) -> list[ImageFile]:
        names = [p.removeprefix(f"{folder}/") for p in self.there if p.startswith(f"{folder}/")]
        return [ImageFile(path=name, size=1) for name in names]


def described(folder: Path, image: str) -> str:
    descriptor = json.loads((THRESHOLD / "descriptor.json").read_text())
    descriptor["container-image"] = {"image": image, "type": "oci"}
    folder.mkdir()
    (folder / "descriptor.json").write_text(json.dumps(descriptor))
    return str(folder)


@pytest.fixture
def services(tmp_path: Path) -> Services:
    workflows = {
        "good": WorkflowSettings(
            reference=described(tmp_path / "g", "localhost:5000/a/seg_x:1.0"), image_folder="own"
        ),
        "missing": WorkflowSettings(reference=described(tmp_path / "m", "a/impossible:2")),
        "nowhere": WorkflowSettings(reference=str(tmp_path / "typo")),
        "elsewhere": WorkflowSettings(reference=described(tmp_path / "e", "a/b:1"), cluster="other"),
    }
    return make_services(
        Settings(
            state_folder=tmp_path / "state",
            cache_folder=tmp_path / "cache",
            shipped_workflows=REPOSITORY / "workflows",
            cluster=ClusterSettings(name="lisa", ssh_host="lisa"),
            workflows=workflows,
            converters={"zarr_to_tiff": "org/convert:1.14.0", "bad_to_worse": "Not A Name"},
        )
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
        return FakeContainerRuntime()

    far = tmp_path / "far"
    return Cluster(
        settings=ClusterSettings(
            name="lisa",
            data_path=f"{far}/data",
            images_path=f"{far}/images",
            converters_path=f"{far}/converters",
            script_path=f"{far}/scripts",
            pulls=PullSettings(temporary_folder=f"{far}/tmp"),
        ),
        shell=LocalShell(),
        transfer=LocalTransfer(),
        scheduler=FakeScheduler(),
        runtime=runtime,
        converter=FakeContainerRuntime(),
        images=SomeImages(),
    )


def outcomes(items: Sequence[PreparedItem]) -> dict[str, Outcome]:
    return {item.name: item.outcome for item in items if item.kind != "folder"}


def test_what_cannot_be_had_does_not_keep_the_others_from_being_ready(
    services: Services, cluster: Cluster
) -> None:
    updates: list[PrepareUpdate] = []
    items = prepare_cluster(cluster, services, listener=updates.append)
    assert outcomes(items) == {
        "zarr-to-tiff": Outcome.PRESENT,
        "convert_zarr_to_tiff": Outcome.MADE,
        "convert_bad_to_worse": Outcome.FAILED,
        "good": Outcome.MADE,
        "missing": Outcome.FAILED,
        "nowhere": Outcome.FAILED,
    }
    told = {item.name: item.detail for item in items}
    assert told["good"].endswith("/images/own/seg_x_1.0.sif")
    assert "a/impossible:2 cannot be pulled" in told["missing"]
    assert "typo" in told["nowhere"]
    assert "Not A Name" in told["convert_bad_to_worse"]
    assert [(u.name, u.number, u.total) for u in updates if u.kind == "image"] == [
        ("good", 1, 2),
        ("missing", 2, 2),
    ]


def test_a_second_time_makes_nothing(services: Services, cluster: Cluster) -> None:
    prepare_cluster(cluster, services)
    again = prepare_cluster(cluster, services)
    assert Outcome.MADE not in {item.outcome for item in again}


def test_only_what_was_asked_for_is_prepared_and_ours_need_no_container(
    services: Services, cluster: Cluster
) -> None:
    items = prepare_workflows(cluster, services, names=["measure", "elsewhere"])
    assert [(item.kind, item.name) for item in items] == [("environment", "measure"), ("image", "elsewhere")]


def test_a_cache_without_a_temporary_folder_is_called_a_cache(cluster: Cluster, tmp_path: Path) -> None:
    settings = dataclasses.replace(
        cluster.settings, pulls=PullSettings(cache_folder=str(tmp_path / "far/layers"))
    )
    folders = {
        item.name: item.detail for item in prepare_folders(dataclasses.replace(cluster, settings=settings))
    }
    assert folders["cache"] == str(tmp_path / "far/layers")
    assert "temporary" not in folders


def test_folders_are_made_once_and_those_of_runs_are_closed(cluster: Cluster, tmp_path: Path) -> None:
    far = tmp_path / "far"
    (far / "data/runs").mkdir(parents=True)
    (far / "data/runs").chmod(0o755)
    first = {item.name: (item.outcome, item.detail) for item in prepare_folders(cluster)}
    assert first["runs"] == (Outcome.PRESENT, str(far / "data/runs"))
    assert first["images"] == (Outcome.MADE, str(far / "images"))
    assert first["temporary"] == (Outcome.MADE, str(far / "tmp"))
    modes = {name: (far / name).stat().st_mode & 0o777 for name in ("data/runs", "images", "tmp")}
    assert modes == {"data/runs": 0o700, "images": 0o755, "tmp": 0o700}
    assert {item.outcome for item in prepare_folders(cluster)} == {Outcome.PRESENT}


def test_a_folder_that_cannot_be_made_is_named(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "far").write_text("a file")
    with pytest.raises(RemotePermissionError, match=r"on lisa: .*far"):
        prepare_folders(cluster)


def test_versions_are_read_by_the_image_s_name(services: Services, cluster: Cluster) -> None:
    images = f"{cluster.settings.images_path}"
    converters = f"{cluster.settings.converters_path}"
    names = (
        *(f"{images}/own/seg_x_1.0.sif", f"{images}/own/seg_x_1.10.sif", f"{images}/seg_x_v0.9.sif"),
        *(f"{images}/other/seg_x_7.sif", f"{images}/own/strange.sif", f"{images}/impossible_2.sif"),
        *(f"{converters}/convert_zarr_to_tiff_1.14.0.sif", f"{converters}/convert_zarr_to_tiff_latest.sif"),
    )
    there = dataclasses.replace(cluster, images=SomeImages(dict.fromkeys(names, 1)))
    assert workflow_versions(there, services.settings.workflows, services.workflows) == {
        "good": ["1.10", "1.0", "v0.9"],
        "missing": ["2"],
        "nowhere": [],
        "elsewhere": [],
    }
    assert converter_versions(there) == {"convert_zarr_to_tiff": ["1.14.0", "latest"]}
