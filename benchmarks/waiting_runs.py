"""What runs that wait cost the queue: memory, statements, and the time of what a worker asks at each tick.

Starts a PostgreSQL server of its own (root), and prints a table for it and for SQLite::

    python benchmarks/waiting_runs.py [WAITING [READY]]
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from biomero.adapters.persistence.queue_changes import new_row  # noqa: E402 - after the path above
from biomero.adapters.persistence.queue_tables import RUNS  # noqa: E402
from biomero.application.engine.recover import check_queue  # noqa: E402
from biomero.application.ports.run_queue import (  # noqa: E402
    JobNews,
    Limits,
    Pool,
    QueuedRun,
    RunQueue,
    TryAgain,
    WaitingRun,
    WorkerId,
)
from biomero.domain.workflow_run import WorkflowRun  # noqa: E402
from services.postgres import PostgresServer  # noqa: E402
from services.queues import OpenQueue, a_worker, job_of, open_queue  # noqa: E402

REPEATS = 15
USERS = 20
BATCH = 500


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.count = 0
        sa.event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, *_: object) -> None:
        self.count += 1


def measured(act: Callable[[], object], statements: Statements) -> str:
    """Return the median and the longest time of some repeats, and the statements of one."""
    times = []
    before = statements.count
    for _ in range(REPEATS):
        start = time.perf_counter()
        act()
        times.append((time.perf_counter() - start) * 1000)
    each = (statements.count - before) / REPEATS
    return f"{sorted(times)[REPEATS // 2]:8.1f} {max(times):8.1f} {each:8.1f}"


def fill(world: OpenQueue, waiting: int, ready: int) -> None:
    """Store runs with some events each, and their rows, many at once."""
    now = time.time()
    engine = world.tracker.factory.engine  # type: ignore[attr-defined] # our factory's
    world.queue.view()
    for start in range(0, waiting + ready, BATCH):
        rows, runs = [], []
        for n in range(start, min(start + BATCH, waiting + ready)):
            run = WorkflowRun(name="nuclei", description="", user=None, group=None)
            run.accept({"images": [{"index": i, "name": f"image-{i}.tif"} for i in range(5)]})
            job = job_of(run.run_id, n + 1)
            place = QueuedRun(
                run_id=run.run_id, step="analyse", pool=Pool.SUBMIT, cluster="lisa", requester=f"u{n % USERS}"
            )
            row = {**new_row(place), "added": now + n / 1000, "due": now - 1}
            if n < waiting:
                run.request_job(job.key, "workflow")
                run.submit_job(job.key, {"key": job.key, "job_id": job.job_id, "folder": job.folder})
                row |= {"state": "waiting", "job_key": job.key, "job_id": job.job_id}
                row |= {"job_folder": job.folder, "since": now}
            rows.append(row)
            runs.append(run)
        world.tracker.save(*runs)
        with engine.begin() as connection:
            connection.execute(sa.insert(RUNS), rows)


def memory_mb() -> float:
    """Return the memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def tick(queue: RunQueue, worker: WorkerId, limits: Limits) -> Callable[[], object]:
    """Return what a worker asks each second."""

    def ask() -> None:
        queue.pulse(worker)
        queue.claim(worker, limits)

    return ask


def told(queue: RunQueue, some: Sequence[WaitingRun], *, is_over: bool) -> None:
    """Tell something new of many runs, an event each."""
    queue.tell(
        [
            JobNews(
                run_id=w.run_id,
                job=w.job,
                seen=uuid4().hex,
                is_over=is_over,
                decide=lambda run: run.count_session({"n": len(run.sessions)}),
            )
            for w in some
        ]
    )


def measure(name: str, address: str, folder: Path, waiting: int, ready: int) -> None:
    """Print what one database takes."""
    world = open_queue(address, folder)
    engine = world.tracker.factory.engine  # type: ignore[attr-defined] # our factory's
    fill(world, waiting, ready)
    world.tracking.catch_up()
    world.close()

    before = memory_mb()
    world = open_queue(address, folder)
    engine = world.tracker.factory.engine  # type: ignore[attr-defined] # likewise
    queue, statements = world.queue, Statements(engine)
    worker = a_worker()
    start = time.perf_counter()
    put_right = check_queue(queue, lambda _: None)
    check_s = time.perf_counter() - start
    at_limit = Limits(pools=dict.fromkeys(Pool, 4), runs_per_cluster={"lisa": waiting})
    free = Limits(pools={Pool.SUBMIT: 1000})
    open_runs = queue.waiting("lisa")
    print(f"\n{name}: {waiting} waiting, {ready} ready; start-up check {check_s:.2f} s ({put_right} wrong)")
    print(f"{'':36}  median      max statements")

    def claim_and_give_back() -> None:
        for claim in queue.claim(worker, free, most=20):
            queue.move(claim, TryAgain(after_s=0, counts=False))

    rows: list[tuple[str, Callable[[], object]]] = [
        ("pulse, ms", lambda: queue.pulse(worker)),
        ("claim, limit reached, ms", lambda: queue.claim(worker, at_limit)),
        ("claim 20 and give back, ms", claim_and_give_back),
        ("waiting, ms", lambda: queue.waiting("lisa")),
        ("lead, ms", lambda: queue.lead("watch lisa", worker)),
        ("counts, ms", queue.counts),
        ("tell 200 with an event each, ms", lambda: told(queue, open_runs[:200], is_over=False)),
    ]
    for words, act in rows:
        print(f"{words:36}{measured(act, statements)}")
    start = time.perf_counter()
    told(queue, open_runs[:1000], is_over=True)
    print(f"{'tell that 1000 jobs are over, s':36}{time.perf_counter() - start:8.2f}")

    ask = tick(queue, worker, at_limit)
    cpu, statements.count, seconds = time.process_time(), 0, 10
    for n in range(seconds):
        ask()
        if n % 5 == 0:  # what a watcher asks at most each 2 s, and mostly less often
            queue.waiting("lisa")
        time.sleep(1)
    cpu = time.process_time() - cpu
    print(f"{'idle: statements/s':36}{statements.count / seconds:8.1f}")
    print(f"{'idle: CPU, % of a core':36}{cpu / seconds * 100:8.1f}")
    print(f"{'memory, MB (before opening)':36}{memory_mb():8.0f} ({before:.0f})")
    world.close()


def main() -> None:
    """Measure and print."""
    waiting = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    ready = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000  # noqa: PLR2004 - the second word
    folder = Path(tempfile.mkdtemp(prefix="biomero-benchmark-"))
    server = PostgresServer(folder / "postgres")
    (folder / "postgres").mkdir()
    folder.chmod(0o755)
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    try:
        measure("SQLite", f"sqlite:///{folder}/record.sqlite", folder, waiting, ready)
        server.start()
        measure("PostgreSQL", server.empty_database(), folder, waiting, ready)
    finally:
        server.halt()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
