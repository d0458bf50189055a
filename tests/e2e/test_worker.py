"""The worker as a process: it takes what others leave to it, dies, comes back, stops and says how it is."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.command import THRESHOLD, Ended, User, image_file
from services.processes import wait_until
from services.web_hook import web_hook
from services.worker_process import WorkerProcess, has_status, worker_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

WITHIN_S = 240.0
HERE = ("--python", sys.executable)


@pytest.fixture
def user(address: str, tmp_path: Path) -> User:
    """Return a user whose runs are recorded in SQLite, and another time in PostgreSQL."""
    return User(home=tmp_path, variables={"SQLALCHEMY_URL": address})


@pytest.fixture
def lone_user(tmp_path: Path) -> User:
    return User(home=tmp_path)


@pytest.fixture
def other_worker(user: User) -> Iterator[WorkerProcess]:
    """Return a second worker of the same database, which has not begun."""
    worker = WorkerProcess(user, "other")
    yield worker
    worker.end()


def images(folder: Path, count: int = 2) -> list[Path]:
    return [image_file(folder / f"cell_{i}.tif", seed=i) for i in range(count)]


def leave(user: User, *options: str | Path, out: str = "results") -> str:
    """Leave a run to a worker, and return its id."""
    words = ["run", THRESHOLD, *images(user.home), "--out", user.home / out, "--detach", *HERE, *options]
    left = user.biomero(*words)
    assert left.code == 0, left.stderr
    return left.stdout.strip()


def watched(user: User, run_id: str) -> Ended:
    return user.biomero("runs", "watch", run_id, "--json")


def assert_done_once(document: dict[str, Any]) -> None:
    """See that a run has its results, each image once, by one job a step."""
    assert document["status"] == "done", document["failure"]
    assert [i["objects"] for i in document["images"]] == [1, 1]
    assert len([o for o in document["outputs"] if o["kind"] == "label"]) == 2
    keys = [job["key"] for job in document["jobs"]]
    assert len(keys) == len(set(keys))
    assert sorted(job["step"] for job in document["jobs"]) == ["conversion", "workflow"]


def status_of(user: User) -> tuple[int, dict[str, Any]]:
    told = user.here("worker", "status", "--json")
    return told.code, told.document


def test_a_run_is_left_to_a_worker_that_comes_later_and_watched(user: User) -> None:
    words: list[str | Path] = ["run", THRESHOLD, *images(user.home), "--out", user.home / "results"]
    left = user.biomero(*words, "--detach", *HERE)
    run_id = left.stdout.strip()
    assert "no worker is there" in left.stderr
    code, stranded = status_of(user)
    assert (code, stranded["is_stranded"], stranded["workers"]) == (1, True, [])
    assert stranded["oldest_ready"]["id"] == run_id
    with worker_process(user) as worker:
        ended = watched(user, run_id)
        assert ended.code == 0, ended.stderr + worker.text
        assert_done_once(ended.document)
        code, told = status_of(user)
        assert (code, told["is_stranded"], told["runs"]) == (0, False, [])
        assert [w["pid"] for w in told["workers"]] == [worker.pid]
        # the record has its steps as its log has
        steps = [
            line["step"] for line in worker.lines if line.get("run") == run_id and "after" in line["message"]
        ]
        assert steps[0] == "prepare"
        assert steps[-1] == "tidy"
        jobs = {job["step"]: str(job["job_id"]) for job in ended.document["jobs"]}
        assert {line["step"]: line["job"] for line in worker.logged("after") if "job" in line} == {
            **dict.fromkeys(("convert", "judge_conversion"), jobs["conversion"]),
            **dict.fromkeys(("analyse", "judge_analysis", "fetch"), jobs["workflow"]),
        }
        assert {line["job"] for line in worker.logged("is over")} == set(jobs.values())
        assert worker.stop() == 0
    assert status_of(user)[1]["workers"] == []


def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(user: User) -> None:
    run_id = leave(user, "--param", "behave=slow")
    worker = WorkerProcess(user)
    try:
        for moment in ("exporting", "converting", "running"):
            worker.start()
            wait_until(
                lambda moment=moment: has_status(user, run_id, moment, "done"),  # type: ignore[misc] # bound at once
                f"the run is {moment}",
                timeout_s=WITHIN_S,
            )
            worker.kill()
        worker.start()
        ended = watched(user, run_id)
        assert ended.code == 0, ended.stderr + worker.text
        assert_done_once(ended.document)
    finally:
        worker.end()


def test_a_worker_that_is_asked_to_stop_lets_jobs_go_on_and_the_next_one_goes_on(user: User) -> None:
    run_id = leave(user, "--param", "behave=slow")
    with worker_process(user) as worker:
        wait_until(lambda: has_status(user, run_id, "running"), "the run is running", timeout_s=WITHIN_S)
        assert worker.stop(timeout_s=40) == 0
        assert worker.logged("has ended")
    assert has_status(user, run_id, "running", "queued")
    with worker_process(user):
        ended = watched(user, run_id)
        assert ended.code == 0, ended.stderr
        assert_done_once(ended.document)


def test_it_says_how_it_is_and_people_are_told(user: User) -> None:
    with web_hook() as hook, worker_process(user, BIOMERO_WEBHOOK_URL=hook.url) as worker:
        url = f"http://{worker.address}"
        wait_until(lambda: httpx.get(f"{url}/readyz").status_code == 200, "it is ready", timeout_s=WITHIN_S)
        run_id = leave(user)
        assert watched(user, run_id).code == 0
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok", "problems": {}}
        numbers = httpx.get(f"{url}/metrics").text
        assert 'biomero_steps_total{outcome="the run has ended",step="tidy"} 1.0' in numbers
        assert "biomero_workers 1.0" in numbers
        wait_until(lambda: bool(hook.calls), "the webhook is called", timeout_s=WITHIN_S)
        assert "token-in-path" not in worker.text
    ((_, body),) = hook.calls
    assert (json.loads(body)["run"], json.loads(body)["status"]) == (run_id, "done")


def test_a_run_at_a_shell_is_handed_over_to_the_worker_of_this_machine(user: User) -> None:
    with worker_process(user) as worker:
        wait_until(lambda: bool(status_of(user)[1]["workers"]), "the worker is known", timeout_s=WITHIN_S)
        ended = user.run(THRESHOLD, images(user.home), *HERE)
        assert ended.code == 0, ended.stderr
        assert_done_once(ended.document)
        assert any(line.get("run") == ended.document["id"] for line in worker.lines)


def test_a_run_is_paused_resumed_and_tried_again_from_any_shell(user: User) -> None:
    with worker_process(user):
        run_id = leave(user, "--param", "behave=slow")
        wait_until(lambda: has_status(user, run_id, "running"), "the run is running", timeout_s=WITHIN_S)
        assert user.here("runs", "pause", run_id).code == 0
        wait_until(lambda: has_status(user, run_id, "paused"), "the run is paused", timeout_s=WITHIN_S)
        assert watched(user, run_id).code == 3
        assert user.here("runs", "resume", run_id, "--detach").code == 0
        ended = watched(user, run_id)
        assert ended.code == 0, ended.stderr
        assert_done_once(ended.document)
        again = user.here("runs", "retry", run_id, "--all", "--detach")
        assert again.code == 0, again.stderr
        assert watched(user, run_id).document["status"] == "done"
        assert user.here("runs", "retry", run_id, "--failed-images").code == 2


def test_two_workers_share_a_database_of_postgresql(
    user: User, address: str, other_worker: WorkerProcess
) -> None:
    other_worker.start()
    if address.startswith("sqlite"):
        other_worker.wait_until_it_works()
        refused = user.biomero("worker")
        assert refused.code == 2
        assert "PostgreSQL" in refused.stderr
        return
    with worker_process(user) as worker:
        other_worker.wait_until_it_works()
        runs = [leave(user, out=f"results_{i}") for i in range(4)]
        for run_id in runs:
            assert watched(user, run_id).code == 0
        assert len(status_of(user)[1]["workers"]) == 2
        both = [{line.get("run") for line in w.lines} - {None} for w in (worker, other_worker)]
        assert set(runs) == both[0] | both[1]  # who was quicker had more of them, perhaps all


def test_a_broken_file_of_settings_keeps_the_last_good_ones_and_is_told(lone_user: User) -> None:
    settings = lone_user.home / "slurm-config.ini"
    settings.write_text("[SLURM]\nssh_max_channels = 4\n")
    with worker_process(lone_user, BIOMERO_SLURM_CONFIG_FILE=str(settings)) as worker:

        def notes() -> dict[str, str]:
            workers = status_of(lone_user)[1]["workers"]
            return dict(workers[0]["notes"]) if workers else {}

        settings.write_text("[SLURM]\nssh_max_channels = many\n")
        wait_until(lambda: "configuration" in notes(), "the mistake is told", timeout_s=WITHIN_S)
        assert "ssh_max_channels" in notes()["configuration"]
        assert worker.logged("the one before stays")
        settings.write_text("[SLURM]\nssh_max_channels = 5\n")
        wait_until(lambda: "configuration" not in notes(), "all is well", timeout_s=WITHIN_S)


def test_a_run_whose_turn_it_is_not_says_so_at_any_shell(user: User) -> None:
    settings = user.home / "worker.ini"
    settings.write_text("[WORKER]\nmax_runs_per_user = 1\n")
    with worker_process(user, BIOMERO_SLURM_CONFIG_FILE=str(settings)):
        first = leave(user, "--param", "behave=sleep")
        wait_until(lambda: has_status(user, first, "running"), "the run is running", timeout_s=WITHIN_S)
        second = leave(user, out="others")

        def told() -> str:
            return str(user.here("runs", "show", second, "--json").document["waits_for"])

        turn = "waits for its turn: 1 run has jobs at local for "
        try:
            wait_until(lambda: turn in told(), "it says so", timeout_s=WITHIN_S)
            assert "(max_runs_per_user = 1)" in told()
            assert "max_runs_per_user" in user.here("runs", "show", second).stdout
        finally:
            assert user.here("runs", "cancel", first, "--detach").code == 0
        assert watched(user, second).document["status"] == "done"


def test_systemd_hears_of_beginning_life_and_end(lone_user: User) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = f"biomero-test-{os.getpid()}"
        listener.bind(f"\0{name}")
        listener.settimeout(WITHIN_S)
        with worker_process(lone_user, NOTIFY_SOCKET=f"@{name}", WATCHDOG_USEC="2000000") as worker:
            first = listener.recv(4096).decode()
            assert first.startswith("READY=1\nSTATUS=")
            assert "WATCHDOG=1" in {listener.recv(4096).decode() for _ in range(3)}
            assert worker.stop() == 0
        heard = []
        listener.setblocking(False)  # noqa: FBT003 - the library's own
        while True:
            try:
                heard.append(listener.recv(4096).decode())
            except BlockingIOError:
                break
        assert "STOPPING=1\nSTATUS=stopping" in heard


@pytest.mark.parametrize(
    "address",
    [pytest.param("postgres", marks=pytest.mark.postgres)],  # SQLite has no connection to lose
    indirect=True,
)
def test_a_database_that_comes_back_is_worked_with_again(user: User, address: str) -> None:
    with worker_process(user) as worker:
        first = leave(user, out="first")
        assert watched(user, first).code == 0
        with psycopg.connect(
            address.replace("postgresql+psycopg", "postgresql"), autocommit=True
        ) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        second = leave(user, out="second")
        ended = watched(user, second)
        assert ended.code == 0, ended.stderr + worker.text
        assert_done_once(ended.document)
