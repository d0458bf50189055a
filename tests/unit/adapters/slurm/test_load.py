"""What goes on at a cluster, read from what a real one answered."""

from __future__ import annotations

import pytest

from biomero.adapters.slurm.load import parse_array_limit, parse_load
from biomero.domain.job import JobState
from biomero.errors import UnparsableOutputError
from unit.adapters.slurm.recorded import VERSIONS, recorded, recorded_names

WITH_LOAD = [version for version in VERSIONS if recorded_names(version, "load-")]


@pytest.mark.parametrize("version", WITH_LOAD)
def test_partitions_have_their_nodes_by_state(version: str) -> None:
    load = parse_load(recorded(version, "load-mixed"))
    assert [(p.name, p.is_default, p.is_up) for p in load.partitions] == [
        ("main", True, True),
        ("short", False, True),
        ("gpu", False, True),
        ("scavenge", False, True),
    ]
    assert load.partitions[0].nodes == {"mixed": 1, "idle": 3}
    assert load.partitions[2].nodes == {"idle": 1}


@pytest.mark.parametrize("version", WITH_LOAD)
def test_jobs_that_have_not_ended_are_told_with_their_names(version: str) -> None:
    load = parse_load(recorded(version, "load-mixed"))
    assert {(job.name, job.state, job.indices) for job in load.jobs} >= {
        ("array", JobState.PENDING, (4, 5)),
        ("array", JobState.RUNNING, (2,)),
        ("held", JobState.PENDING, None),
    }
    (held,) = [job for job in load.jobs if job.name == "held"]
    assert (held.reason, held.elapsed_s, held.partition, held.nodes) == ("JobHeldUser", 0, "main", "")


@pytest.mark.parametrize("version", WITH_LOAD)
def test_the_size_of_arrays_is_among_the_controller_s_settings(version: str) -> None:
    assert parse_array_limit(recorded(version, "scontrol-config")) == 10001


def test_what_nobody_says_is_no_limit() -> None:
    assert parse_array_limit("welcome\nMaxArraySize = 5\nbiomero:config\nMaxJobCount = 10\n") is None


def test_an_array_leaves_room_where_the_account_may_have_few_jobs() -> None:
    config = "biomero:config\nMaxArraySize = 1001\nbiomero:limits\n"
    assert parse_array_limit(f"{config}100\n\n50\n") == 25
    assert parse_array_limit(f"{config}\n\n") == 1001
    assert parse_array_limit(f"{config}1\n") == 1


def test_a_name_may_hold_the_separator_and_the_greeting_is_no_row() -> None:
    text = "a|b\nbiomero:partitions\nmain*|down|drained*|2\nbiomero:jobs\n"
    load = parse_load(f"{text}7|RUNNING|main|1-02:03:04|None|n[1-2]|a|b\n")
    assert load.partitions[0].is_up is False
    assert load.partitions[0].nodes == {"drained*": 2}
    assert (load.jobs[0].name, load.jobs[0].elapsed_s) == ("a|b", 93784)


@pytest.mark.parametrize("row", ["main|up|idle|many", "main|up", "main|up|idle|2|x"])
def test_rows_that_are_not_understood_are_said(row: str) -> None:
    with pytest.raises(UnparsableOutputError, match="sinfo"):
        parse_load(f"biomero:partitions\n{row}\nbiomero:jobs\n")
