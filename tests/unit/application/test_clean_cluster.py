"""What is removed from a cluster, on the real file system of this machine."""

from __future__ import annotations

import dataclasses
import os
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.clean_cluster import clean_cluster, list_leftovers, plan_cleaning
from biomero.application.ports.clusters import Cluster
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings, Settings
from biomero.bootstrap import make_services
from biomero.domain.ids import JobKey, RunId
from biomero.domain.job import JobSpec
from biomero.domain.leftovers import CleaningRule
from biomero.errors import SchedulerUnavailableError
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler

MONTH = CleaningRule(older_than=timedelta(days=30))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    nowhere = tmp_path / "nowhere"
    return make_services(
        Settings(state_folder=tmp_path / "state", cache_folder=nowhere, shipped_workflows=nowhere)
    )


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
        return FakeContainerRuntime()

    return Cluster(
        settings=ClusterSettings(name="lisa", data_path=str(tmp_path / "data")),
        shell=LocalShell(),
        transfer=LocalTransfer(),
        scheduler=FakeScheduler(),
        runtime=runtime,
        converter=FakeContainerRuntime(),
    )


def folder(tmp_path: Path, name: str, *, days: float = 40) -> Path:
    path = tmp_path / "data" / name
    for part in ("in", "out", "logs"):
        (path / part).mkdir(parents=True)
    (path / "in/file").write_bytes(bytes(10_000))
    moment = time.time() - days * 24 * 3600
    for each in (path / "in/file", *path.iterdir(), path):
        os.utime(each, (moment, moment))
    return path


def started(services: Services, tmp_path: Path) -> RunId:
    request = RunRequest(
        workflow="w",
        workflow_name="W",
        workflow_version="1",
        workflow_file=tmp_path / "descriptor.json",
        parameters={},
        images=(),
        results=tmp_path / "results",
    )
    return services.record.start(name="W", description="", request=request.to_json())


def test_an_open_run_stays_whatever_its_age_and_goes_when_it_is_over(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    run_id = started(services, tmp_path)
    path = folder(tmp_path, f"runs/{run_id}")
    plan = clean_cluster(cluster, services, MONTH)
    assert (plan.going, [kept.reason for kept in plan.kept]) == ((), ["it is submitted"])
    assert path.exists()
    services.record.change(run_id, lambda run: run.request_cancel("me"))
    services.record.change(run_id, lambda run: run.cancel())
    assert plan_cleaning(cluster, services, MONTH).size >= 10_000
    assert path.exists()
    assert [gone.name for gone in clean_cluster(cluster, services, MONTH).going] == [run_id]
    assert list((tmp_path / "data/runs").iterdir()) == []


def test_a_run_with_a_job_stays_though_the_record_is_gone(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    run_id = str(uuid.uuid4())
    path = folder(tmp_path, f"runs/{run_id}")
    cluster.scheduler.submit(
        JobSpec(key=JobKey(f"biomero-{run_id}-workflow"), script=f"{path}/job.sh", log=f"{path}/log")
    )
    (kept,) = clean_cluster(cluster, services, MONTH).kept
    assert kept.reason == "a job of it waits or runs"
    assert path.exists()


def test_another_machine_s_run_goes_by_its_age_only(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    young = folder(tmp_path, f"runs/{uuid.uuid4()}", days=0.1)
    old = folder(tmp_path, f"runs/{uuid.uuid4()}")
    for rule in (CleaningRule(larger_than=1), CleaningRule(older_than=timedelta(hours=1))):
        names = {kept.leftover.name for kept in plan_cleaning(cluster, services, rule).kept}
        assert young.name in names
    clean_cluster(cluster, services, MONTH)
    assert (young.exists(), old.exists()) == (True, False)


def test_nothing_is_removed_while_the_scheduler_cannot_be_asked(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    path = folder(tmp_path, f"runs/{uuid.uuid4()}")
    scheduler = FakeScheduler()
    scheduler.outage = SchedulerUnavailableError("squeue does not answer")
    with pytest.raises(SchedulerUnavailableError):
        clean_cluster(dataclasses.replace(cluster, scheduler=scheduler), services, MONTH)
    assert path.exists()


def test_links_lead_nowhere_and_other_folders_stay(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    outside = folder(tmp_path, "../outside")
    other = folder(tmp_path, "other")
    strange = folder(tmp_path, "runs/$(touch pwned)\n'\"")
    inside = folder(tmp_path, f"runs/{uuid.uuid4()}")
    (inside / "link").symlink_to(outside)
    link = tmp_path / "data/runs" / str(uuid.uuid4())
    link.symlink_to(outside)
    (tmp_path / "data/cache").symlink_to(outside)
    moment = time.time() - 40 * 24 * 3600
    for each in (inside / "link", link, inside):
        os.utime(each, (moment, moment), follow_symlinks=False)
    clean_cluster(cluster, services, MONTH)
    assert not inside.exists()
    assert (outside / "in/file").exists()
    assert link.is_symlink()
    assert other.exists()
    assert strange.exists()
    assert not list(tmp_path.rglob("pwned"))


def test_a_removal_that_died_half_way_is_ended(services: Services, cluster: Cluster, tmp_path: Path) -> None:
    half = folder(tmp_path, f"runs/.removing.{uuid.uuid4()}", days=0)
    (leftover,) = list_leftovers(cluster)
    assert leftover.is_half_gone
    clean_cluster(cluster, services, MONTH)
    assert not half.exists()


def test_what_only_its_owner_could_remove_later_is_removed(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    path = folder(tmp_path, f"cache/{'0a1b2c3d' * 8}")
    (path / "in").chmod(0o500)
    clean_cluster(cluster, services, MONTH)
    assert not path.exists()


def test_a_cluster_without_runs_has_nothing_to_go(services: Services, cluster: Cluster) -> None:
    assert clean_cluster(cluster, services, MONTH).going == ()


def test_a_folder_that_only_has_the_name_of_a_run_is_somebody_else_s(
    services: Services, cluster: Cluster, tmp_path: Path
) -> None:
    own = folder(tmp_path, f"runs/{uuid.uuid4()}")
    foreign = tmp_path / "data/runs" / str(uuid.uuid4())
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    assert [leftover.name for leftover in clean_cluster(cluster, services, MONTH).going] == [own.name]
    assert foreign.is_dir()
