"""Reading what Slurm answers to an administrator's questions."""

from __future__ import annotations

import pytest

from biomero.adapters.slurm import administration as ask
from biomero.adapters.slurm.partition_health import is_usable, parse_node_states
from biomero.adapters.slurm.sbatch import essence
from biomero.application.ports.scheduler_health import Association
from biomero.domain.job import JobResources
from biomero.errors import UnparsableOutputError
from unit.adapters.slurm.recorded import VERSIONS, recorded

pytestmark = pytest.mark.parametrize("version", VERSIONS)


def test_nodes_are_counted_by_partition_and_state(version: str) -> None:
    well = {p.name: p for p in parse_node_states(recorded(version, "sinfo-nodes"))}
    assert list(well) == ["main", "short", "gpu", "scavenge"]
    assert [p.name for p in well.values() if p.is_default] == ["main"]
    (nodes,) = well["main"].nodes
    assert (nodes.count, nodes.names, nodes.is_usable, nodes.reason) == (4, "rec-n[1-4]", True, "")


def test_drained_nodes_and_partitions_that_are_down_are_told_with_their_reason(version: str) -> None:
    broken = {p.name: p for p in parse_node_states(recorded(version, "sinfo-nodes-broken"))}
    out, well = broken["main"].nodes
    assert (out.names, out.state, out.is_usable, out.reason) == ("rec-n1", "drained", False, "new floor")
    assert well.is_usable
    assert (broken["gpu"].is_up, broken["gpu"].state) == (False, "down")


def test_a_reason_may_hold_any_text(version: str) -> None:
    text = recorded(version, "sinfo-nodes-broken").replace("new floor", "disk|sda=bad")
    assert parse_node_states(text)[0].nodes[0].reason == "disk|sda=bad"


def test_a_row_of_another_form_is_refused_with_its_text(version: str) -> None:
    text = recorded(version, "sinfo-nodes").replace("|4|", "|four|")
    with pytest.raises(UnparsableOutputError, match="four"):
        parse_node_states(text)


def test_the_controllers_sign_of_life_is_understood(version: str) -> None:
    assert ask.is_controller_up(recorded(version, "scontrol-ping"))
    assert not ask.is_controller_up(recorded(version, "scontrol-ping-down"))


def test_the_configuration_says_what_is_accounted(version: str) -> None:
    limits = ask.parse_config(recorded(version, "scontrol-limits"))
    assert (limits.max_array_size, limits.keeps_accounts, limits.requires_association) == (10001, True, True)
    without = ask.parse_config(recorded(version, "scontrol-limits-no-accounting"))
    assert (without.keeps_accounts, without.requires_association) == (False, False)
    with pytest.raises(UnparsableOutputError):
        ask.parse_config("")


def test_our_accounts_are_read_with_their_qos(version: str) -> None:
    found = ask.parse_associations(recorded(version, "sacctmgr-associations"))
    assert found == [Association(account="imaging", partition="", qos=("high", "normal", "tiny"))]
    assert ask.parse_associations("biomero:nobody-to-ask\n") is None


def test_the_version_is_read_past_what_login_scripts_print(version: str) -> None:
    assert ask.parse_version(f"Welcome!\n{recorded(version, 'sbatch-version')}") == (
        recorded(version, "sbatch-version").split(" ", 1)[1].strip(),
        (),
    )
    assert ask.parse_version("biomero:missing sacct\nbiomero:version \n") == ("", ("sacct",))


def test_a_job_that_would_be_refused_is_refused_with_slurms_words(version: str) -> None:
    command = ask.test_only(JobResources(memory_mb=999999, partition="main"))
    assert command.argv[:2] == ("sbatch", "--test-only")
    assert "--mem=999999M" in command.argv
    assert not any(word.startswith("--parsable") for word in command.argv)
    assert "not available" in essence(recorded(version, "sbatch-test-only-memory"))


@pytest.mark.parametrize(
    ("state", "usable"),
    [("idle", True), ("mixed-", True), ("idle~", True), ("planned", True), ("reserved", True)]
    + [(s, False) for s in ("down*", "drained", "draining@", "idle*", "maint", "unknown", "fail", "?")],
)
def test_states_of_nodes_say_whether_jobs_can_run(version: str, state: str, *, usable: bool) -> None:
    del version  # these are Slurm's of every version (slurm.h; sinfo's manual)
    assert is_usable(state) is usable
