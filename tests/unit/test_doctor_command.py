"""``biomero doctor`` where it does not come to a login."""

from __future__ import annotations

from pathlib import Path

from services.command import User


def test_a_configuration_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "slurm-config.ini").write_text("[SLURM]\nssh_max_channels = many\n")
    ended = User(home=tmp_path).here("doctor", "--config", tmp_path / "slurm-config.ini", "--json")
    assert ended.code == 1
    (finding,) = ended.document["findings"]
    assert (finding["code"], finding["level"]) == ("config", "problem")
    assert "ssh_max_channels" in finding["message"]
    assert finding["remedy"]


def test_every_cluster_of_the_configuration_is_examined(tmp_path: Path) -> None:
    (tmp_path / "ssh_config").touch()
    (tmp_path / "slurm-config.ini").write_text(
        "[CLUSTER one]\nhost = no-such-host-one\ndefault = yes\n[CLUSTER two]\nhost = no-such-host-two\n"
    )
    options = ("--config", tmp_path / "slurm-config.ini", "--ssh-config", tmp_path / "ssh_config")
    ended = User(home=tmp_path).here("doctor", *options, "--json")
    assert ended.code == 1
    found = {
        (f["cluster"], f["code"], f["subject"]) for f in ended.document["findings"] if f["level"] == "problem"
    }
    assert found == {("one", "ssh.alias", "no-such-host-one"), ("two", "ssh.alias", "no-such-host-two")}
    only = User(home=tmp_path).here("doctor", *options, "--cluster", "two", "--json").document
    assert {f["cluster"] for f in only["findings"]} == {"", "two"}
