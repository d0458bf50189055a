"""What is asked of a cluster before anything is sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.check_cluster import check_cluster, prepare_root
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.scheduler import Partition
from biomero.application.ports.shell import CommandResult, RemoteShell, SessionCounts
from biomero.application.ports.workflows import Workflow
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.settings import ClusterSettings, Settings
from biomero.application.submit_run import CheckedOrder
from biomero.domain.descriptor import DescriptorFormat, WorkflowDescriptor
from biomero.domain.job import JobResources
from biomero.errors import NoSpaceError, RemotePermissionError, SubmissionRejectedError
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler


class FullDisk:
    """A login node whose disk has little left."""

    counts = SessionCounts(logins=1, commands=0)

    def __init__(self, free_kib: int) -> None:
        self.free_kib = free_kib

    def run(
        self,
        argv: Sequence[str],  # noqa: ARG002 - the port's signature
        *,
        stdin: bytes = b"",  # noqa: ARG002
        env: Mapping[str, str] | None = None,  # noqa: ARG002
        timeout_s: float = 60.0,  # noqa: ARG002
    ) -> CommandResult:
        return CommandResult(
            exit_status=0, stdout=f"/scratch\n/dev/a disk 100 96 {self.free_kib} 96% /scratch\n", stderr=""
        )

    def close(self) -> None:
        pass


class SomePartitions(FakeScheduler):
    def partitions(self) -> list[Partition]:
        return [Partition(name="main", is_default=True), Partition(name="short")]


def cluster(shell: RemoteShell, data_path: str) -> Cluster:
    def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
        return FakeContainerRuntime()

    return Cluster(
        settings=ClusterSettings(name="lisa", ssh_host="lisa", data_path=data_path),
        shell=shell,
        transfer=LocalTransfer(),
        scheduler=SomePartitions(),
        runtime=runtime,
        converter=FakeContainerRuntime(),
    )


def order(image: Path, partition: str | None = None) -> CheckedOrder:
    descriptor = WorkflowDescriptor(
        name="W",
        description="",
        format=DescriptorFormat.BIAFLOWS,
        container_image=None,
        command_line=("python", "w.py"),
        parameters=(),
    )
    file = image.parent / "descriptor.json"
    request = RunRequest(
        workflow="w",
        workflow_name="W",
        workflow_version="1",
        workflow_file=file,
        parameters={},
        images=tuple(RequestedImage(index=i, name=f"a{i}", path=image, series=i) for i in range(3)),
        results=image.parent / "results",
        resources=JobResources(partition=partition),
    )
    workflow = Workflow(
        reference="w", descriptor=descriptor, folder=image.parent, descriptor_file=file, version="1"
    )
    return CheckedOrder(request=request, workflow=workflow, unreadable={})


def check(cluster: Cluster, order: CheckedOrder) -> None:
    here = Path("/nowhere")
    check_cluster(cluster, order, Settings(state_folder=here, cache_folder=here, shipped_workflows=here))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    path.write_bytes(bytes(10_000))
    return path


def test_the_folder_for_runs_is_made_and_its_place_told(tmp_path: Path) -> None:
    root, free = prepare_root(cluster(LocalShell(), str(tmp_path / "x" / "data")))
    assert root == str(tmp_path / "x" / "data")
    assert (tmp_path / "x" / "data" / "runs").stat().st_mode & 0o777 == 0o700
    assert free is not None
    assert free > 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, image: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RemotePermissionError, match=r"file/data.*lisa"):
        check(cluster(LocalShell(), str(tmp_path / "file" / "data")), order(image))


def test_images_that_do_not_fit_are_not_sent(image: Path) -> None:
    with pytest.raises(NoSpaceError, match=r"lisa has 0\.0 GB free"):
        check(cluster(FullDisk(4), "data"), order(image))


def test_an_unknown_partition_is_named_with_those_that_there_are(tmp_path: Path, image: Path) -> None:
    with pytest.raises(SubmissionRejectedError, match="no partition 'gpu' on lisa; it has: main, short"):
        check(cluster(LocalShell(), str(tmp_path / "data")), order(image, "gpu"))
    check(cluster(LocalShell(), str(tmp_path / "data")), order(image, "short"))


def test_a_file_with_several_images_is_counted_once(image: Path) -> None:
    check(cluster(FullDisk(10), "data"), order(image))
