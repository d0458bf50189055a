"""The database goes away and comes back; the same process goes on."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from biomero.application.ports.run_queue import End, GoOn, JobNews, Limits, Pool
from biomero.domain.run_status import RunStatus
from biomero.errors import DatabaseUnavailableError, LeaseLostError
from services.postgres import PostgresServer
from services.processes import wait_until
from services.queues import OpenQueue, a_worker, new_run, open_queue, queued

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """Return a server of the test's own, which may be stopped."""
    with tempfile.TemporaryDirectory(prefix="biomero-postgres-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder))
        server.start()
        yield server
        server.halt()


@pytest.fixture
def world(server: PostgresServer, tmp_path: Path) -> Iterator[OpenQueue]:
    world = open_queue(server.empty_database(), tmp_path)
    yield world
    world.close()


def test_every_method_says_so_while_the_database_is_away_and_works_when_it_is_back(
    server: PostgresServer, world: OpenQueue
) -> None:
    queue, worker = world.queue, a_worker()
    queue.enter(worker, version="1", drives_all=True)
    claim = world.claimed(worker)
    run_id, job = world.waits(worker)
    parked = world.claimed(worker)
    queue.move(parked, End(), lambda run: run.complete())
    new = new_run()
    news = JobNews(run_id=run_id, job=job, seen="x", is_over=True, decide=lambda run: run.count_session({}))
    step = GoOn(step="next", pool=Pool.FETCH)
    calls: list[Callable[[], object]] = [
        lambda: queue.add(queued(new), new),
        lambda: queue.claim(worker, Limits()),
        lambda: queue.pulse(worker),
        lambda: queue.change(claim, lambda run: run.advance(RunStatus.STAGING)),
        lambda: queue.move(claim, step, lambda run: run.advance(RunStatus.CONVERTING)),
        lambda: queue.request(run_id, "pause", lambda _: None),
        lambda: queue.request(run_id, "resume", lambda _: None),
        lambda: queue.waiting("lisa"),
        lambda: queue.tell([news]),
        lambda: queue.restart(parked.run_id, "x", Pool.FETCH, lambda run: run.count_session({})),
        lambda: queue.lead("watch", worker),
        lambda: queue.enter(worker, version="1", drives_all=True),
        queue.workers,
        queue.view,
        queue.counts,
        queue.at_work,
        lambda: queue.rebuild(queued),
        lambda: queue.leave(worker),
    ]
    server.halt()
    for call in calls:
        with pytest.raises(DatabaseUnavailableError):
            call()
    server.resume()
    for call in calls:
        # connections that broke are found one by one
        wait_until(lambda call=call: works(call), "it works again")  # type: ignore[misc] # likewise
    assert world.run(claim.run_id).status is RunStatus.CONVERTING
    assert len(world.run(run_id).sessions) == len(world.run(parked.run_id).sessions) == 1
    assert world.run(new.run_id).version == 2
    assert len(queue.view()) == 4


def works(call: Callable[[], object]) -> bool:
    try:
        call()
    except DatabaseUnavailableError:
        return False
    return True


def test_a_run_goes_through_while_the_database_restarts_again_and_again(
    server: PostgresServer, world: OpenQueue
) -> None:
    worker = a_worker()
    claim = world.claimed(worker)
    steps: list[str] = []

    def drive() -> None:
        current = claim
        while len(steps) < 40:
            try:
                name = f"step-{len(steps)}"
                world.queue.move(
                    current,
                    GoOn(step=name, pool=Pool.FETCH),
                    lambda run, name=name: run.count_session({"step": name}),  # type: ignore[misc] # mypy does not know the default's type
                )
            except LeaseLostError:
                pass  # the answer to what was stored never came
            except DatabaseUnavailableError:
                continue
            given: list[object] = []
            while not given:
                try:
                    given[:] = world.queue.claim(worker, Limits())
                except DatabaseUnavailableError:
                    continue
            (current,) = given  # type: ignore[assignment] # claims
            steps.append(name)

    thread = Thread(target=drive, daemon=True)
    thread.start()
    for goal in (10, 20, 30):
        wait_until(lambda goal=goal: len(steps) >= goal or not thread.is_alive(), "it goes on")  # type: ignore[misc] # likewise
        server.halt()
        server.resume()
    thread.join(timeout=120)
    assert [s["step"] for s in world.run(claim.run_id).sessions] == [f"step-{n}" for n in range(40)]
