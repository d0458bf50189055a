"""What a worker costs while thousands of runs wait for their jobs, and what happens when many end at once.

Starts a PostgreSQL server of its own (root). The cluster is a folder of this machine, with a scheduler in
memory: its jobs wait, until a thousand of them end at once. The worker is a process of its own; what stands
behind the port is what a worker has. Prints a table for SQLite and PostgreSQL::

    python benchmarks/open_runs.py [WAITING [ENDING [SQLite|PostgreSQL]]]
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
import tifffile

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from biomero.adapters.containers.process import ProcessRuntime  # noqa: E402 - after the path above
from biomero.adapters.local.shell import LocalShell  # noqa: E402
from biomero.adapters.local.transfer import LocalTransfer  # noqa: E402
from biomero.adapters.persistence.queue_changes import new_row  # noqa: E402
from biomero.adapters.persistence.queue_tables import RUNS  # noqa: E402
from biomero.application.engine.engine import Engine, EngineSettings  # noqa: E402
from biomero.application.engine.look import fingerprint  # noqa: E402
from biomero.application.engine.place import place_of  # noqa: E402
from biomero.application.engine.recover import check_queue  # noqa: E402
from biomero.application.engine.worker_door import WorkerDoor  # noqa: E402
from biomero.application.ports.clusters import Cluster  # noqa: E402
from biomero.application.ports.run_queue import Limits, Pool, QueuedRun, QueueState  # noqa: E402
from biomero.application.record_json import job_to_json  # noqa: E402
from biomero.application.results_folder import claim_results_folder  # noqa: E402
from biomero.application.run_request import RequestedImage, RunRequest  # noqa: E402
from biomero.application.services import Services  # noqa: E402
from biomero.application.settings import AnalyticsSettings, ClusterSettings, Settings  # noqa: E402
from biomero.application.tracking import WorkflowTracker  # noqa: E402
from biomero.bootstrap import make_queue, make_services, open_tracking, settings_for  # noqa: E402
from biomero.domain.ids import JobKey, SlurmJobId  # noqa: E402
from biomero.domain.job import JobRef, JobReport, JobState, TaskReport  # noqa: E402
from biomero.domain.run_status import ImageStage, RunStatus  # noqa: E402
from biomero.domain.workflow_run import WorkflowRun  # noqa: E402
from biomero.testing.scheduler import FakeScheduler  # noqa: E402
from services.command import THRESHOLD, image_file  # noqa: E402
from services.postgres import PostgresServer  # noqa: E402

CLUSTER = "lisa"
USERS = 20
BATCH = 500
IDLE_S = 60
LIMITS = Limits(pools={Pool.STAGE: 4, Pool.SUBMIT: 4, Pool.FETCH: 4, Pool.DELIVER: 4})


WAITS = TaskReport(index=None, state=JobState.PENDING, reason="Priority")


class WaitingScheduler(FakeScheduler):
    """Has jobs that wait, until those up to an id have all ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended_to = 0

    def report(self, jobs: Sequence[JobRef]) -> Mapping[SlurmJobId, JobReport]:
        """See `Scheduler.report`."""
        ended = TaskReport(index=None, state=JobState.COMPLETED, exit_code=0)
        return {
            job.job_id: JobReport(job_id=job.job_id, tasks=(ended if job.job_id <= self.ended_to else WAITS,))
            for job in jobs
        }


@dataclass(frozen=True, slots=True)
class OneCluster:
    """Opens a folder of this machine as a cluster; see `Clusters`."""

    scheduler: WaitingScheduler

    def open(self, settings: ClusterSettings) -> Cluster:
        """See `Clusters.open`."""
        shell, transfer = LocalShell(), LocalTransfer()
        process = ProcessRuntime(shell, transfer, settings.data_path, python=sys.executable)

        def runtime(name: str, *, python: str | None, image: str | None) -> ProcessRuntime:  # noqa: ARG001 - the port's signature
            return process

        return Cluster(
            settings=settings,
            shell=shell,
            transfer=transfer,
            scheduler=self.scheduler,
            runtime=runtime,
            converter=process,
        )


def settings_in(folder: Path, address: str) -> Settings:
    """Return the settings of the worker."""
    return replace(
        settings_for(),
        state_folder=folder / "state",
        analytics=AnalyticsSettings(database_url=address),
        cluster=ClusterSettings(name=CLUSTER, data_path=str(folder / "data")),
    )


def fill(folder: Path, address: str, waiting: int, ending: int) -> None:
    """Store runs that wait for their jobs; what the jobs that will end have written is there already."""
    tracking = open_tracking(AnalyticsSettings(database_url=address), folder)
    tracker = tracking.tracker
    assert isinstance(tracker, WorkflowTracker)
    make_queue(tracker).view()  # makes the tables
    now = time.time()
    image_file(folder / "cell.tif", side=16)
    for start in range(0, waiting, BATCH):
        rows, runs = [], []
        for n in range(start, min(start + BATCH, waiting)):
            run, job = waiting_run(folder, n)
            queued = place_of(run)
            assert queued is not None
            row = {**new_row(queued), "added": now + n / 1000, "due": now - 1, "state": "waiting"}
            row |= {"step": "judge_analysis", "pool": Pool.FETCH.value, "job_key": job.key, "since": now}
            row |= {"seen": fingerprint(JobReport(job_id=job.job_id, tasks=(WAITS,)))}
            rows.append(row | {"job_id": job.job_id, "job_folder": job.folder})
            runs.append(run)
            if n < ending:
                claim_results_folder(folder / "results" / str(n), run.run_id)
                for name in ("out", "logs"):
                    Path(job.folder, name).mkdir(parents=True)
                output = Path(job.folder, "out", "cell.tif")
                tifffile.imwrite(output, np.eye(16, dtype=np.uint16))
                Path(job.folder, f"listing.{job.key}").write_text(f"{output.stat().st_size} cell.tif\0")
                Path(job.folder, "logs", f"workflow-{n + 1}.log").write_text("done\n")
        tracker.save(*runs)
        with tracker.factory.engine.begin() as connection:  # type: ignore[attr-defined] # our factory's
            connection.execute(sa.insert(RUNS), rows)
    tracking.catch_up()
    tracking.close()


def waiting_run(folder: Path, n: int) -> tuple[WorkflowRun, JobRef]:
    """Return a run whose workflow's job is with the scheduler."""
    request = RunRequest(
        workflow=str(THRESHOLD),
        workflow_name="threshold",
        workflow_version="1",
        workflow_file=THRESHOLD / "descriptor.json",
        parameters={},
        images=(RequestedImage(index=0, name="cell", path=folder / "cell.tif"),),
        results=folder / "results" / str(n),
        cluster=CLUSTER,
        requested_by=f"user {n % USERS}",
    )
    run = WorkflowRun(name="threshold", description="", user=None, group=None)
    run.accept(request.to_json())
    run.advance(RunStatus.QUEUED)
    run.hash_image(0, "0" * 64)
    run.advance_images([0], ImageStage.CONVERTED)
    key = JobKey(f"biomero-{run.run_id}-workflow")
    place = f"{folder}/data/runs/{run.run_id}"
    job = JobRef(key=key, job_id=SlurmJobId(n + 1), folder=place)
    run.request_job(key, "workflow")
    run.submit_job(key, job_to_json(job))
    return run, job


class Worker:
    """The process that is measured."""

    def __init__(self, folder: Path, address: str) -> None:
        self.began = time.monotonic()
        self.settings = settings_in(folder, address)
        self.services: Services = make_services(self.settings)
        self.scheduler = WaitingScheduler()
        self.statements = 0
        queue = self.services.queue
        door = WorkerDoor(
            queue=queue,
            record=self.services.record,
            settings_at=lambda _place: self.settings,
            services_with=lambda now: replace(self.services, settings=now),
            clusters=OneCluster(self.scheduler),
        )
        self.engine = Engine(
            queue,
            self.services.record,
            door,
            self.services.worker,
            self.services.clock,
            settings=EngineSettings(limits=LIMITS, most_steps=16),
        )

    def measure(self, ending: int) -> dict[str, Any]:
        """Start, wait, let jobs end; return what that took."""
        sa.event.listen(sa.Engine, "before_cursor_execute", self._note)
        put_right = check_queue(self.services.queue, lambda _run: self._no_place())
        checked_s = time.monotonic() - self.began
        thread = threading.Thread(target=self.engine.run)
        thread.start()
        try:
            self._until(lambda: bool(self.engine.watching.looks), "the first look")
            looked_s = time.monotonic() - self.began
            first = self._idle(20)
            # what the pauses grow to by themselves after some minutes
            for watcher in self.engine.watching.watchers:
                watcher._pace.pause_s = 60.0  # noqa: SLF001 - only so as not to wait for it
            idle = self._idle(IDLE_S)
            memory = memory_mb()
            print(f"start {looked_s:.1f} s, {first}, {idle}, {memory:.0f} MB", file=sys.stderr)
            ended = self._end(ending)
        finally:
            self.engine.stop()
            thread.join()
        self.services.record.close()
        return {
            "start_s": looked_s,
            "check_s": checked_s,
            "put_right": put_right,
            "first": first,
            "idle": idle,
            "memory_mb": memory,
            "memory_after_mb": memory_mb(),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
            "threads": threading.active_count(),
            **ended,
        }

    def _end(self, ending: int) -> dict[str, Any]:
        """Let jobs end at once, and wait until their runs have."""
        there, cpu, began = self._open(), time.process_time(), time.monotonic()
        self.statements = 0
        self.scheduler.ended_to = ending
        for watcher in self.engine.watching.watchers:
            watcher.wake()  # otherwise up to a minute passes before anybody looks
        told_s: float | None = None
        while (done := there - self._open()) < ending:
            if told_s is None and self.services.queue.count_waiting(CLUSTER) == there - ending:
                told_s = time.monotonic() - began
            paused = self._left("deliver", QueueState.PAUSED)
            assert not paused, f"{paused} runs are paused, {done} have ended"
            print(f"\r{done} of {ending} runs have ended", end="", file=sys.stderr)
            time.sleep(0.5)
        return {
            "ended_s": time.monotonic() - began,
            "told_s": told_s,
            "ended_cpu_ms": (time.process_time() - cpu) / ending * 1000,
            "ended_statements": self.statements / ending,
            "statuses": self._statuses(),
        }

    def _open(self) -> int:
        """Return how many runs have not ended."""
        return sum(self.services.queue.counts().values())

    def _statuses(self) -> Mapping[str, int]:
        views = self.services.queue.view(states=[QueueState.ENDED], limit=100_000)
        return Counter(self.services.record.get(view.run_id).status.value for view in views)

    def _left(self, step: str, state: QueueState) -> int:
        return self.services.queue.counts().get((CLUSTER, state, step), 0)

    def _until(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 600
        while not is_so():
            assert time.monotonic() < deadline, f"{what} did not come"
            time.sleep(0.05)

    def _idle(self, seconds: float) -> dict[str, float]:
        statements, cpu, looks = self.statements, time.process_time(), self.engine.watching.looks
        began = time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        return {
            "cpu_percent": (time.process_time() - cpu) / lasted * 100,
            "statements": (self.statements - statements) / lasted,
            "looks": self.engine.watching.looks - looks,
        }

    def _note(self, *_: object) -> None:
        self.statements += 1

    def _no_place(self) -> QueuedRun | None:
        return None


def memory_mb() -> float:
    """Return the memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(name: str, address: str, folder: Path, waiting: int, ending: int) -> None:
    """Print what one database takes."""
    began = time.monotonic()
    fill(folder, address, waiting, ending)
    filled_s = time.monotonic() - began
    began = time.monotonic()
    argv = [sys.executable, __file__, "--work", str(folder), str(ending)]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, check=True, text=True, env={**os.environ, "BENCHMARK_DATABASE": address}
    )
    said = json.loads(done.stdout.splitlines()[-1])
    imports_s = time.monotonic() - began - said["lasted_s"]
    print(f"\n{name}: {waiting} waiting (made in {filled_s:.0f} s), load {os.getloadavg()[0]:.1f}")
    print(
        f"  start until the first look is told   {imports_s + said['start_s']:8.1f} s "
        f"(imports {imports_s:.1f}, check of the queue {said['check_s']:.1f})"
    )
    for words, key in (("in the first 20 s", "first"), ("later", "idle")):
        idle = said[key]
        print(
            f"  idle {words:18} CPU {idle['cpu_percent']:6.2f} % of a core, {idle['statements']:6.1f} "
            f"statements/s, {idle['looks']} looks"
        )
    print(
        f"  memory {said['memory_mb']:.0f} MB, after the ends {said['memory_after_mb']:.0f} MB, "
        f"peak {said['peak_mb']:.0f} MB"
    )
    print(
        f"  {ending} jobs end at once: told after {said['told_s'] or -1:.1f} s, all runs ended after "
        f"{said['ended_s']:.1f} s: {said['statuses']}"
    )
    print(f"    a run: {said['ended_cpu_ms']:.0f} ms CPU, {said['ended_statements']:.1f} statements")


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--work"]:
        began = time.monotonic()
        said = Worker(Path(sys.argv[2]), os.environ["BENCHMARK_DATABASE"]).measure(int(sys.argv[3]))
        print(json.dumps(said | {"lasted_s": time.monotonic() - began}))
        return
    waiting = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    ending = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000  # noqa: PLR2004 - the second word
    folder = Path(tempfile.mkdtemp(prefix="biomero-benchmark-"))
    folder.chmod(0o755)
    server = PostgresServer(folder / "postgres")
    (folder / "postgres").mkdir()
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    try:
        for name in sys.argv[3:] or ("SQLite", "PostgreSQL"):
            own = folder / name
            own.mkdir()
            if name == "PostgreSQL":
                server.start()
            address = f"sqlite:///{own}/record.sqlite" if name == "SQLite" else server.empty_database()
            measure(name, address, own, waiting, ending)
            shutil.rmtree(own)
    finally:
        server.halt()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
