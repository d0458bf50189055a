"""The tools that break things: each fault is what it says it is, and is mended after."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from services import postgres_faults, slurm_faults
from services.lab_programs import ACCEPTED_AND_FAILED, DIES_AFTER, DIES_BEFORE, LabPrograms
from services.postgres import PostgresServer
from services.processes import wait_until
from services.slurm_lab import SlurmLab
from services.slurm_nodes import jobs_named, node_of, scancel

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def submit(lab: SlurmLab, name: str, *options: str) -> str:
    argv = ("sbatch", "--parsable", "--output=/dev/null", f"--job-name={name}", *options)
    done = lab.run_as_user(argv, stdin=b"#!/bin/sh\nexec sleep 120\n")
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def over_ssh(lab: SlurmLab, *argv: str) -> int:
    done = subprocess.run(
        ["ssh", "-F", str(lab.ssh_config), lab.alias, *argv],
        input=b"#!/bin/sh\nexec sleep 120\n",
        capture_output=True,
        check=False,
    )
    return done.returncode


def is_running(lab: SlurmLab, job: str, name: str) -> bool:
    return jobs_named(lab, name).get(job) == "RUNNING"


@pytest.mark.slurm
def test_a_forgetful_controller_gives_an_id_out_again(slurm_lab: SlurmLab, tmp_path: Path) -> None:
    with slurm_faults.amnesia(slurm_lab, tmp_path / "kept") as controller:
        first = submit(slurm_lab, "forgotten")
        wait_until(lambda: is_running(slurm_lab, first, "forgotten"), "it runs")
        controller.forget()
        assert jobs_named(slurm_lab, "forgotten") == {}
        second = submit(slurm_lab, "another")
        assert second == first
        scancel(slurm_lab, second)


@pytest.mark.slurm
def test_the_jobs_of_a_dead_node_are_gone(slurm_lab: SlurmLab) -> None:
    job = submit(slurm_lab, "on-a-dead-node", "--no-requeue")
    wait_until(lambda: is_running(slurm_lab, job, "on-a-dead-node"), "it runs")
    with slurm_faults.dead_node(slurm_lab, node_of(slurm_lab, job)):
        wait_until(lambda: job not in jobs_named(slurm_lab, "on-a-dead-node"), "it is gone")


@pytest.mark.slurm
def test_a_frozen_controller_answers_nobody(slurm_lab: SlurmLab) -> None:
    with slurm_faults.frozen(slurm_lab):
        asked = slurm_lab.run_as_user(("timeout", "2", "squeue", "--me"))
        assert asked.returncode == 124
    assert slurm_lab.run_as_user(("squeue", "--me")).returncode == 0


@pytest.mark.slurm
def test_jobs_wait_while_all_is_busy(slurm_lab: SlurmLab) -> None:
    with slurm_faults.all_busy(slurm_lab):
        job = submit(slurm_lab, "waits")
        assert jobs_named(slurm_lab, "waits") == {job: "PENDING"}
        scancel(slurm_lab, job)


@pytest.mark.slurm
def test_the_number_of_submitted_jobs_is_limited(slurm_lab: SlurmLab) -> None:
    with slurm_faults.submissions_limited(slurm_lab, 1):
        job = submit(slurm_lab, "limited")
        second = slurm_lab.run_as_user(("sbatch", "--output=/dev/null"), stdin=b"#!/bin/sh\n:\n")
        assert second.returncode != 0
        scancel(slurm_lab, job)


@pytest.mark.slurm
@pytest.mark.sshd
@pytest.mark.parametrize(
    ("misfortune", "is_accepted"), [(DIES_BEFORE, False), (DIES_AFTER, True), (ACCEPTED_AND_FAILED, True)]
)
def test_sbatch_is_told_to_misbehave_once(
    slurm_lab: SlurmLab, programs: LabPrograms, misfortune: str, *, is_accepted: bool
) -> None:
    name = f"misfortune-{time.monotonic_ns()}"
    sbatch = ("sbatch", "--output=/dev/null", f"--job-name={name}")
    programs.tell("sbatch", misfortune)
    assert over_ssh(slurm_lab, *sbatch) != 0
    assert len(jobs_named(slurm_lab, name)) == int(is_accepted)
    assert programs.pending("sbatch") == 0
    assert over_ssh(slurm_lab, *sbatch) == 0
    scancel(slurm_lab, *jobs_named(slurm_lab, name))


@pytest.mark.postgres
def test_a_postgres_that_crashed_comes_back(durable_postgres: PostgresServer) -> None:
    url = durable_postgres.empty_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    with postgres_faults.crashed(durable_postgres), pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT n FROM kept")


@pytest.mark.postgres
def test_a_postgres_that_is_read_only_takes_no_changes(durable_postgres: PostgresServer) -> None:
    url = durable_postgres.empty_database()
    refused = pytest.raises(psycopg.errors.ReadOnlySqlTransaction)
    with postgres_faults.read_only(durable_postgres), psycopg.connect(url) as connection, refused:
        connection.execute("CREATE TABLE refused (n int)")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE taken (n int)")


@pytest.mark.postgres
def test_a_frozen_postgres_keeps_its_connections(durable_postgres: PostgresServer) -> None:
    with psycopg.connect(durable_postgres.empty_database()) as connection:
        with postgres_faults.frozen(durable_postgres), pytest.raises(psycopg.OperationalError):
            psycopg.connect(durable_postgres.url("postgres"), connect_timeout=2)
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.postgres
def test_a_postgres_on_a_full_disk_refuses_to_grow() -> None:
    with postgres_faults.on_a_small_disk(150) as (server, disk):
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE TABLE grows (text text)")
            with disk.full(), pytest.raises(psycopg.errors.DiskFull):
                connection.execute(
                    "INSERT INTO grows SELECT repeat('x', 1000) FROM generate_series(1, 20000)"
                )
        with psycopg.connect(server.url("postgres")) as connection:
            connection.execute("INSERT INTO grows VALUES ('y')")
