"""A user with a cluster in one process, whose jobs take no time: for tests of the engine around them."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.application.engine.engine import Engine
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.run_queue import QueueState
from biomero.application.services import Services
from biomero.application.settings import ClusterSettings
from biomero.application.submit_run import Order, accept_order, check_order
from biomero.bootstrap import make_services, settings_for
from biomero.domain.ids import RunId
from biomero.domain.job import JobSpec
from biomero.testing.containers import FakeContainerRuntime
from biomero.testing.scheduler import FakeScheduler
from services.command import THRESHOLD, image_file

Judge = Callable[[JobSpec, int | None], int]


def good(spec: JobSpec, index: int | None) -> int:  # noqa: ARG001 - the shape of a job's end
    """Let every job end well."""
    return 0


@dataclass
class FakeJobs:
    """Does at once what the jobs of the threshold workflow would do, in the folder of the run.

    Parameters
    ----------
    judge
        The exit code of each job; one that fails writes nothing.
    """

    judge: Judge = good
    worked: list[str] = field(default_factory=list)

    def __call__(self, spec: JobSpec, index: int | None) -> int:
        code = self.judge(spec, index)
        self.worked.append(spec.key)
        root = Path(spec.script).parent
        (root / "logs").mkdir(exist_ok=True)
        log = spec.log.replace("%j", "1").replace("%A", "1").replace("%a", str(index))
        Path(log).write_text(f"{spec.key} ends with {code}\n")
        if not code:
            convert(Path(spec.script), index) if "-conversion" in spec.key else analyse(
                Path(spec.script), index
            )
        return code


def convert(script: Path, index: int | None) -> None:
    """Turn each image of a list into a small TIFF, and say so."""
    words = [line for line in script.read_text().splitlines() if "conversion" in line and ".json" in line]
    line = next(w for w in words if w.startswith(f"{index})"))
    listed = Path(_word_after(line, "list"))
    reports = Path(_word_after(line, "report"))
    tasks = int(_word_after(line, "tasks"))
    outcomes = []
    for item in json.loads(listed.read_text())[index or 0 :: tasks]:
        assert (Path(_word_after(line, "infolder")) / item["source"]).is_dir()
        target = Path(_word_after(line, "outfolder")) / item["target"]
        target.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(target, np.ones((64, 64), np.uint8))
        outcomes.append({"source": item["source"], "ok": True})
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"convert-{index}.json").write_text(json.dumps(outcomes))


def analyse(script: Path, index: int | None) -> None:
    """Write a label image for each image in the folder that the script names."""
    lines = [line for line in script.read_text().splitlines() if "--infolder" in line]
    line = lines[0] if index is None else next(w for w in lines if w.startswith(f"{index})"))
    folder, out = Path(_word_after(line, "--infolder")), Path(_word_after(line, "--outfolder"))
    for image in sorted(folder.glob("*.tif")):
        labels = np.zeros(tifffile.imread(image).shape, np.uint16)
        labels[2:5, 2:5] = 1
        tifffile.imwrite(out / image.name, labels)
    listing = "".join(f"{file.stat().st_size} {file.name}\0" for file in sorted(out.iterdir()))
    key = next(w for w in script.read_text().splitlines() if w.startswith("key=")).removeprefix("key=")
    name = key if index is None else f"{key}.{index}"
    (script.parent / f"listing.{name}").write_text(listing)


def _word_after(line: str, name: str) -> str:
    words = [word.strip("'") for word in line.replace("command=(", " ").replace(")", " ").split()]
    place = next(i for i, word in enumerate(words) if word.strip("-") == name.strip("-"))
    return words[place + 1]


class QuickClock:
    """Waits for nobody."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        pass


@dataclass
class FakeWorld:
    """Files and a record on a real disk, and a cluster of fakes."""

    folder: Path
    services: Services
    jobs: FakeJobs = field(default_factory=FakeJobs)
    scheduler: FakeScheduler = field(init=False)

    def __post_init__(self) -> None:
        self.scheduler = FakeScheduler(self.jobs)

    @classmethod
    def make(cls, folder: Path) -> FakeWorld:
        settings = replace(settings_for(), state_folder=folder / "state")
        return cls(folder=folder, services=replace(make_services(settings), clock=QuickClock()))

    def images(self, count: int) -> list[Path]:
        return [image_file(self.folder / f"cell_{i}.tif", seed=i) for i in range(count)]

    def order(self, *images: Path, results: str = "results", **options: Any) -> RunId:
        order = Order(
            workflow=str(THRESHOLD),
            images=images,
            results=self.folder / results,
            python=sys.executable,
            runtime="process",
            requested_by="somebody",
            **options,
        )
        return accept_order(check_order(order, self.services), self.services)

    def cluster(self) -> Cluster:
        process = FakeContainerRuntime()

        def runtime(name: str, *, python: str | None, image: str | None) -> FakeContainerRuntime:  # noqa: ARG001 - the port's signature
            return process

        return Cluster(
            settings=ClusterSettings(name="fake", data_path=str(self.folder / "data")),
            shell=LocalShell(),
            transfer=LocalTransfer(),
            scheduler=self.scheduler,
            runtime=runtime,
            converter=process,
        )


@contextmanager
def at_work(engine: Engine) -> Iterator[Engine]:
    """Let an engine drive in a thread of its own."""
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        yield engine
    finally:
        engine.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()


def state_of(world: FakeWorld, run_id: RunId) -> QueueState:
    """Return what the queue holds of a run."""
    place = world.services.queue.find(run_id)
    assert place is not None
    return place.state


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
