"""Reports made from what real clusters answered, and from what documentation says of other versions."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from biomero.adapters.slurm.endings import Endings, endings, parse_endings
from biomero.adapters.slurm.merge import merge, unsettled
from biomero.adapters.slurm.sacct import parse_sacct
from biomero.adapters.slurm.sinfo import parse_sinfo
from biomero.adapters.slurm.squeue import Queue, parse_squeue, squeue
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobState, JobUsage
from biomero.errors import UnparsableOutputError
from unit.adapters.slurm.recorded import VERSIONS, recorded

NOTHING = Queue(rows=(), positions={})


def job(job_id: int, key: str, size: int | None = None) -> JobRef:
    return JobRef(key=JobKey(key), job_id=SlurmJobId(job_id), folder=f"/runs/{key}", array_size=size)


def states(report: JobReport) -> list[str]:
    return [task.state.text for task in report.tasks]


def queue_of(*rows: str, waiting: tuple[str, ...] = ()) -> Queue:
    return parse_squeue("\n".join(["noise", "biomero:own", *rows, "biomero:waiting", *waiting]) + "\n")


def short(row: str) -> str:
    """Return a row of accounting that says nothing of what was set aside for the job."""
    return row + "|" * 6


def account_of(*rows: str, exits: tuple[str, ...] = ()) -> Endings:
    return parse_endings(
        "\n".join(
            ["noise", "biomero:sacct 0", *map(short, rows), "biomero:exit", *exits, "biomero:cancelled"]
        )
        + "\n"
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_queue_is_understood(version: str) -> None:
    queue = parse_squeue(recorded(version, "squeue-mixed"))
    ids = {row.name: row.job_id for row in queue.rows}
    array = job(ids["array"], "array", 6)
    held = job(ids["held"], "held")
    reports = merge([array, held], queue, Endings())
    assert states(reports[array.job_id]) == ["COMPLETED", "FAILED", *["RUNNING"] * 2, *["PENDING"] * 2]
    assert reports[array.job_id].tasks[5].reason == "JobArrayTaskLimit"
    assert reports[array.job_id].queue_position == 1
    assert (reports[held.job_id].tasks[0].reason, reports[held.job_id].queue_position) == (
        "JobHeldUser",
        None,
    )
    assert queue.positions[ids["requeued"]] == 2
    assert not reports[array.job_id].is_final


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_empty_queue_is_empty(version: str) -> None:
    assert parse_squeue(recorded(version, "squeue-unknown")).rows == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_accounting_is_understood(version: str) -> None:
    record = parse_endings(recorded(version, "sacct-mixed"))
    ids = {row.name: row.job_id for row in record.account or ()}
    sizes = {"array": 6}
    jobs = [job(i, name, sizes.get(name)) for name, i in ids.items()]
    reports = merge(jobs, NOTHING, record)
    by_name = {name: reports[i] for name, i in ids.items()}
    assert states(by_name["array"]) == ["COMPLETED", "FAILED", *["CANCELLED"] * 4]
    assert by_name["array"].is_final
    assert by_name["array"].tasks[5].usage.elapsed_s is None
    (too_big,) = by_name["too-big"].tasks
    assert (too_big.state, too_big.exit_code, too_big.signal) == (JobState.OUT_OF_MEMORY, 0, 125)
    (failed,) = by_name["failed"].tasks
    assert (failed.state, failed.exit_code) == (JobState.FAILED, 42)
    assert failed.usage.max_memory_mb is not None
    assert failed.usage.cpu_s is not None
    assert failed.usage.node == "rec-n1"
    (gpus,) = by_name["with-gpus"].tasks
    assert (gpus.usage.partition, gpus.usage.gpus, gpus.usage.allocated_cpus) == ("gpu", 2, 2)
    assert gpus.usage.allocated_memory_mb == 200
    assert (failed.usage.partition, failed.usage.gpus, failed.usage.energy_j) == ("main", None, None)
    assert failed.usage.started_at is not None
    assert failed.usage.waited_s is not None
    (requeued,) = by_name["requeued"].tasks
    assert (requeued.state, requeued.usage.elapsed_s) == (JobState.COMPLETED, 3)
    (cancelled,) = by_name["cancelled"].tasks
    assert (cancelled.state, cancelled.reason) == (JobState.CANCELLED, "by user 0")


@pytest.mark.parametrize("version", VERSIONS)
def test_without_accounting_exit_files_tell_the_end(version: str) -> None:
    record = parse_endings(recorded(version, "sacct-disabled"))
    assert record.account is None
    array = job(2, "array", 2)
    report = merge([array], NOTHING, record)[array.job_id]
    assert states(report) == ["COMPLETED", "FAILED"]
    assert report.tasks[1].exit_code == 3
    assert report.tasks[1].usage.elapsed_s == 0
    assert report.tasks[1].usage.started_at is not None
    assert report.tasks[1].usage.allocated_cpus is None


@pytest.mark.parametrize("version", VERSIONS)
def test_recorded_partitions_are_understood(version: str) -> None:
    found = {
        p.name: (p.is_default, p.max_time_min) for p in parse_sinfo(recorded(version, "sinfo-partitions"))
    }
    assert found == {
        "main": (True, 240),
        "short": (False, 1),
        "gpu": (False, 1440),
        "scavenge": (False, 240),
    }


def test_partitions_without_limits_by_the_documentation_of_21_to_25() -> None:
    found = parse_sinfo("biomero:partitions\nlong*|infinite\nlong*|infinite\nmid|2-01:30:00\nx|30:00\n")
    assert [(p.name, p.is_default, p.max_time_min) for p in found] == [
        ("long", True, None),
        ("mid", False, 2970),
        ("x", False, 30),
    ]


def test_accounting_rows_by_the_documentation_of_21_to_25() -> None:
    rows = parse_sacct(
        "7|k|TIMEOUT|0:0|86401|1-02:03:04||n[1-2]|1700000000|1700000060|gpu|8|"
        "billing=8,cpu=8,energy=7200000,gres/gpu=2,gres/gpu:a100=2,mem=64G,node=2|7200000\n"
        "7.batch|batch|CANCELLED|0:15|86402|02:03.500|1.50G|n1|1700000060|1700000060||4|cpu=4,mem=32G,node=1|36\n"
        "7.extern|extern|COMPLETED|0:0|86402|00:00:00|0|n1|1700000060|1700000060||8|cpu=8,mem=64G,node=2|0\n"
        "7.0|step|CANCELLED|0:15|86402|00:01.000|204800K|n1|1700000060|1700000060||4|cpu=4,mem=32G,node=1|40\n"
        "8|k|NODE_FAIL|1:0|5|00:00:00||n3|1700000000|1700000000|main|4|cpu=4,mem=4000M,node=1|0\n"
        "8.batch|batch|CANCELLED|0:15|5|00:00:00|1M|n3|1700000000|1700000000||4|cpu=4,node=1|250\n"
        "9|k|PREEMPTED|0:0|5|00:00:00||n3|Unknown|Unknown|main|2|gres/gpu:a=1,gres/gpu:b=2|18446744073709551614\n"
        "10|k|DEADLINE|0:0|0|00:00:00||None assigned|1700000000|None|main,gpu|0||0\n"
    )
    assert [row.state.text for row in rows] == ["TIMEOUT", "NODE_FAIL", "PREEMPTED", "DEADLINE"]
    assert rows[0].usage.cpu_s == 86400 + 2 * 3600 + 3 * 60 + 4
    assert rows[0].usage.max_memory_mb == 1536
    assert rows[0].usage.node == "n[1-2]"
    assert (rows[0].usage.started_at, rows[0].usage.waited_s) == (1700000060, 60)
    assert (rows[0].usage.partition, rows[0].usage.allocated_cpus, rows[0].usage.gpus) == ("gpu", 8, 2)
    assert rows[0].usage.allocated_memory_mb == 32 * 1024  # of 64 G on two nodes
    assert [row.usage.energy_j for row in rows] == [7_200_000, 250, None, None]
    assert (rows[2].usage.gpus, rows[2].usage.started_at, rows[2].usage.allocated_memory_mb) == (
        3,
        None,
        None,
    )
    assert rows[3].usage == JobUsage()


def test_a_row_that_was_cut_is_an_error_with_its_text() -> None:
    with pytest.raises(UnparsableOutputError, match="7\\|k\\|COMPL"):
        parse_sacct("7|k|COMPL\n")
    with pytest.raises(UnparsableOutputError, match="OUT_OF_ME"):
        parse_sacct(short("7|k|OUT_OF_ME+|0:125|5|00:00:00||n1"))
    with pytest.raises(UnparsableOutputError, match="lots"):
        parse_sacct(
            short("7|k|FAILED|0:0|5|00:00:00||n1")
            + "\n"
            + short("7.batch|batch|FAILED|0:0|5|00:00:00|lots|n1")
        )
    with pytest.raises(UnparsableOutputError, match="many"):
        parse_sacct("7|k|FAILED|0:0|5|00:00:00||n1|1|2|main|many||")


def test_an_answer_that_was_cut_off_says_nothing() -> None:
    with pytest.raises(UnparsableOutputError):
        parse_endings(f"biomero:sacct 0\n{short('7|k|COMPLETED|0:0|5|00:00:00||n1')}\n")


def test_a_job_of_another_name_under_our_id_is_not_ours() -> None:
    ours = job(7, "ours")
    other = queue_of("7|theirs|COMPLETED|main|1|None")
    assert merge([ours], other, account_of("7|theirs|FAILED|1:0|5|00:00:00||n1")) == {}


def test_an_earlier_owner_of_the_id_does_not_hide_our_job() -> None:
    ours = job(7, "ours")
    record = account_of("7|ours|COMPLETED|0:0|5|00:00:01||n1", "7|theirs|FAILED|1:0|5|00:00:00||n1")
    assert merge([ours], NOTHING, record)[ours.job_id].is_success


def test_the_controller_alone_is_believed_about_jobs_that_have_not_ended() -> None:
    ours = job(7, "ours")
    assert merge([ours], NOTHING, account_of("7|ours|RUNNING|0:0|5|00:00:00||n1")) == {}
    requeued = queue_of("7|ours|PENDING|main|5|BeginTime")
    record = account_of(
        "7|ours|PREEMPTED|0:0|5|00:00:00||n1",
        exits=("key=ours job_id=7 task= exit_code=143 signal=15 host=n1 started=1 ended=2",),
    )
    (task,) = merge([ours], requeued, record)[ours.job_id].tasks
    assert (task.state, task.reason) == (JobState.PENDING, "BeginTime")


@pytest.mark.parametrize(
    "state", ["SUSPENDED", "COMPLETING", "CONFIGURING", "STOPPED", "REQUEUE_HOLD", "RESIZING"]
)
def test_states_between_are_not_final(state: str) -> None:
    ours = job(7, "ours")
    report = merge([ours], queue_of(f"7|ours|{state}|main|5|None"), Endings())[ours.job_id]
    assert states(report) == [state]
    assert not report.is_final


def test_array_tasks_that_never_began_share_a_row_without_an_index() -> None:
    ours = job(7, "ours", 3)
    queue = queue_of("7|ours|CANCELLED|main|5|None", "7_0|ours|CANCELLED|main|5|None")
    exits = ("key=ours job_id=7 task=1 exit_code=0 signal=0 host=n1 started=1 ended=2",)
    record = parse_endings("biomero:sacct 1\nbiomero:exit\n" + exits[0] + "\nbiomero:cancelled\n")
    assert unsettled([ours], queue) == ([ours], ["7_0"])
    assert states(merge([ours], queue, record)[ours.job_id]) == ["CANCELLED", "COMPLETED", "CANCELLED"]


def test_what_we_asked_to_end_and_nobody_knows_any_more_was_cancelled() -> None:
    ours = job(7, "ours", 3)
    record = parse_endings(
        f"biomero:sacct 0\n{short('7_0|ours|COMPLETED|0:0|5|00:00:01||n1')}\nbiomero:exit\n"
        "key=ours job_id=7 task=1 exit_code=143 signal=15 host=n1 started=1 ended=2\n"
        "biomero:cancelled other ours\n"
    )
    report = merge([ours], NOTHING, record)[ours.job_id]
    assert states(report) == ["COMPLETED", "CANCELLED", "CANCELLED"]
    completing = queue_of("7_2|ours|COMPLETING|main|5|None")
    assert not merge([ours], completing, record)[ours.job_id].is_final


ALIVE = "alive ours "


def test_what_gives_signs_of_life_and_nobody_in_slurm_knows_goes_on() -> None:
    ours = job(7, "ours")
    (task,) = merge([ours], NOTHING, account_of(exits=(ALIVE,)))[ours.job_id].tasks
    assert (task.state, task.usage) == (JobState.RUNNING, JobUsage())
    assert task.reason == (
        "Slurm does not know job 7 any more, but it has begun and says itself that it goes on"
    )
    assert merge([job(8, "other")], NOTHING, account_of(exits=(ALIVE,))) == {}


def test_an_end_that_somebody_knows_counts_more_than_a_sign_of_life() -> None:
    ours = job(7, "ours")
    killed = account_of("7|ours|NODE_FAIL|0:0|5|00:00:01||n1", exits=(ALIVE,))
    assert states(merge([ours], NOTHING, killed)[ours.job_id]) == ["NODE_FAIL"]
    gone = merge([ours], queue_of("7|ours|CANCELLED|main|5|None"), account_of(exits=(ALIVE,)))
    assert states(gone[ours.job_id]) == ["CANCELLED"]


def test_a_forgotten_job_whose_end_we_asked_for_has_not_ended_while_it_gives_signs_of_life() -> None:
    ours = job(7, "ours", 2)
    record = parse_endings("biomero:sacct 0\nbiomero:exit\nalive ours .1\nbiomero:cancelled ours\n")
    report = merge([ours], NOTHING, record)[ours.job_id]
    assert (states(report), report.is_final) == (["CANCELLED", "RUNNING"], False)


def test_of_a_forgotten_array_what_gives_no_sign_of_life_is_missing() -> None:
    ours = job(7, "ours", 2)
    report = merge([ours], NOTHING, account_of(exits=("alive ours .1",)))[ours.job_id]
    assert (report.missing_tasks, states(report), report.is_final) == ((0,), ["RUNNING"], False)


@pytest.mark.parametrize("folder", ["runs", "alive runs"])
def test_signs_of_life_count_for_five_minutes_and_until_there_is_an_exit_file(
    tmp_path: Path, folder: str
) -> None:
    runs = tmp_path / folder
    jobs = [
        JobRef(key=JobKey(key), job_id=SlurmJobId(7), folder=str(runs), array_size=size)
        for key, size in (("one", None), ("many", 3), ("old", None), ("unbegun", None))
    ]
    now = time.time()
    beats = {"one/alive": 240, "many/alive.0": 0, "many/alive.1": 0, "many/alive.2": 301, "old/alive": 3600}
    for name, age_s in beats.items():
        beat = runs / f"claim.{name}"
        beat.parent.mkdir(parents=True, exist_ok=True)
        beat.touch()
        os.utime(beat, (now - age_s, now - age_s))
    (runs / "exit.many.0").write_text(
        "key=many job_id=7 task=0 exit_code=0 signal=0 host=n1 started=1 ended=2\n"
    )
    command = endings(jobs)
    said = subprocess.run(command.argv, input=command.stdin, stdout=subprocess.PIPE, check=True).stdout
    record = parse_endings(said.decode())
    assert record.alive == {("one", None), ("many", 1)}
    assert [(one.key, one.index) for one in record.exits] == [("many", 0)]


def test_an_array_task_that_nobody_knows_is_missing_and_keeps_the_array_open() -> None:
    ours = job(7, "ours", 3)
    record = account_of("7_0|ours|COMPLETED|0:0|5|00:00:01||n1", "7_2|ours|COMPLETED|0:0|5|00:00:01||n1")
    report = merge([ours], NOTHING, record)[ours.job_id]
    assert report.missing_tasks == (1,)
    assert not report.is_final
    assert not report.is_success


def test_only_what_has_ended_is_looked_up_and_only_whole_jobs_are_waited_for() -> None:
    queue = queue_of(
        "1|runs|RUNNING|main|5|None",
        "2|ended|COMPLETED|main|5|None",
        "3_0|part|COMPLETED|main|5|None",
        "3_[1-2]|part|PENDING|main|5|None",
    )
    jobs = [job(1, "runs"), job(2, "ended"), job(3, "part", 3), job(4, "gone")]
    found, awaited = unsettled(jobs, queue)
    assert [ref.key for ref in found] == ["ended", "part", "gone"]
    assert awaited == ["2"]


def test_places_in_the_queue_are_by_priority_then_age_within_a_partition() -> None:
    queue = queue_of(
        "9_[0-3]|a|PENDING|main|50|Priority",
        "8|b|PENDING|main,gpu|50|Priority",
        "5|c|PENDING|main|0|JobHeldUser",
        waiting=(
            "9_[0-3]|main|50",
            "8|main,gpu|50",
            "5|main|0",
            "2|main|70",
            "3|gpu|10",
            "4|main|60",
        ),
    )
    assert queue.positions == {9: 4, 8: 1}


def test_waiting_jobs_of_others_never_hide_our_own() -> None:
    queue = queue_of(
        "7|ours|PENDING|main|10|Priority",
        waiting=("93+0|main|100", "93+1|main|100", "94_[0,...]|main|90", "what is this", "7|main|10"),
    )
    assert queue.positions == {7: 3}


def test_lists_of_jobs_do_not_lengthen_the_command() -> None:
    many = [job(i, f"key-{i}") for i in range(20000)]
    assert squeue([ref.job_id for ref in many]).argv == squeue([SlurmJobId(1)]).argv
    assert len(" ".join(endings(many).argv)) < 2000
