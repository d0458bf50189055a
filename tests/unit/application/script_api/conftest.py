"""A script's session on this machine: real shell, real files, jobs in memory that really run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from biomero.adapters.containers.process import ProcessRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.ports.clusters import Cluster, RuntimeChoice
from biomero.application.script_api.send import transfer_data
from biomero.application.script_api.session import ScriptSession
from biomero.application.script_api.unpack import unpack_data
from biomero.application.settings import ClusterSettings, Settings, WorkflowSettings
from biomero.bootstrap import open_catalogue
from biomero.domain.job import JobSpec
from biomero.testing.scheduler import FakeScheduler
from services.command import REPOSITORY, THRESHOLD


class QuickClock:
    """Waits for nobody, and tells how long it should have waited."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class World:
    """A script, its cluster, and what the script has here."""

    folder: Path
    clock: QuickClock = field(default_factory=QuickClock)
    scheduler: FakeScheduler = field(init=False)
    cluster_settings: ClusterSettings = field(init=False)
    workflow_settings: dict[str, WorkflowSettings] = field(default_factory=dict)
    converters: Mapping[str, str] = field(default_factory=dict)
    runtime: RuntimeChoice | None = None

    def __post_init__(self) -> None:
        self.home.mkdir()
        self.scheduler = FakeScheduler(self._run)
        self.cluster_settings = ClusterSettings(
            name="here", ssh_host="here", data_path="scratch/data", images_path="images"
        )
        self.workflow_settings["threshold"] = WorkflowSettings(reference=str(THRESHOLD))

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def data(self) -> Path:
        return self.home / "scratch" / "data"

    def set(self, **changes: Any) -> None:
        self.cluster_settings = replace(self.cluster_settings, **changes)

    @property
    def session(self) -> ScriptSession:
        shell, transfer = LocalShell(home=self.home), LocalTransfer(home=self.home)
        process = ProcessRuntime(shell, transfer, self.cluster_settings.data_path, python=sys.executable)
        shipped = self.folder / "shipped"
        if not shipped.exists():
            shutil.copytree(REPOSITORY / "workflows", shipped)
            shutil.copytree(THRESHOLD, shipped / "threshold")
        settings = Settings(
            state_folder=self.folder / "state",
            cache_folder=self.folder / "cache",
            shipped_workflows=shipped,
            cluster=self.cluster_settings,
            workflows={**self.workflow_settings, "threshold": self._threshold(shipped)},
            converters=self.converters,
        )
        cluster = Cluster(
            settings=self.cluster_settings,
            shell=shell,
            transfer=transfer,
            scheduler=self.scheduler,
            runtime=self.runtime or (lambda name, *, python, image: process),  # noqa: ARG005 - the port's
            converter=process,
        )
        return ScriptSession(
            cluster=cluster, settings=settings, workflows=open_catalogue(settings), clock=self.clock
        )

    def _threshold(self, shipped: Path) -> WorkflowSettings:
        return replace(self.workflow_settings["threshold"], reference=str(shipped / "threshold"))

    def zip(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Write a zip to be sent."""
        path = self.folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in files.items():
                archive.writestr(member, content)
        return path

    def unpacked(self, name: str, files: Mapping[str, bytes]) -> Path:
        """Send and unpack data; return its folder."""
        session = self.session
        transfer_data(session, self.zip(name, files))
        unpack_data(session, name)
        return self.data / name

    def end(self, job_id: int) -> None:
        """Let a job come to its end."""
        for _ in range(3):
            self.scheduler.report([ref for ref in self.refs() if ref.job_id == job_id])

    def refs(self) -> list[Any]:
        return [self.scheduler.submit(spec) for spec in list(self.scheduler.submissions)]

    def _run(self, spec: JobSpec, index: int | None) -> int:
        """Run a job script for real, as Slurm would."""
        job = next(str(ref.job_id) for ref in self.refs() if ref.key == spec.key)
        task = {} if index is None else {"SLURM_ARRAY_JOB_ID": job, "SLURM_ARRAY_TASK_ID": str(index)}
        log = spec.log.replace("%j", job).replace("%A", job).replace("%a", str(index))
        with Path(log).open("ab") as output:
            return subprocess.run(
                ["bash", spec.script],
                env={**os.environ, "SLURM_JOB_ID": job, **task},
                stdout=output,
                stderr=output,
                check=False,
            ).returncode


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(folder=tmp_path)
