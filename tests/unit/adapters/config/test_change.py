"""Changing a file of settings: one key, no other byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.adapters.config import change_setting, load_settings
from biomero.adapters.config.edit_text import set_key, unset_key
from biomero.adapters.config.ini_text import read_ini
from biomero.errors import ConfigurationError

TEXT = """\
# the facility's own file
[SLURM]
; where
slurm_data_path=/a   
job_prologue = module load a
    module load b

# options
sbatch_account : imaging

[WORKFLOWS]
remove = deepcell
"""  # noqa: W291 - people leave spaces at the ends of lines


def changed(text: str, new: str) -> list[tuple[str, ...]]:
    """Return the lines that differ."""
    before, after = text.splitlines(), new.splitlines()
    return [
        tuple(line for line in before if line not in after),
        tuple(line for line in after if line not in before),
    ]


def test_a_value_changes_in_its_place() -> None:
    assert changed(TEXT, set_key(TEXT, "SLURM", "slurm_data_path", "/b")) == [
        ("slurm_data_path=/a   ",),
        ("slurm_data_path=/b",),
    ]
    assert changed(TEXT, set_key(TEXT, "SLURM", "sbatch_account", "x")) == [
        ("sbatch_account : imaging",),
        ("sbatch_account : x",),
    ]
    assert set_key(TEXT, "SLURM", "job_prologue", "one").count("module") == 0


def test_a_new_key_stands_at_the_end_of_its_section() -> None:
    new = set_key(TEXT, "SLURM", "slurm_zip_cmd", "7za")
    assert "sbatch_account : imaging\nslurm_zip_cmd = 7za\n\n[WORKFLOWS]" in new
    assert set_key(TEXT, "SSH", "host", "lisa") == f"{TEXT}\n[SSH]\nhost = lisa\n"
    assert set_key("", "SSH", "host", "lisa") == "[SSH]\nhost = lisa\n"
    assert set_key("[SSH]", "SSH", "host", "lisa") == "[SSH]\nhost = lisa\n"
    assert set_key("[A]\r\n  a = 1\r\n  [B]", "A", "b", "2") == "[A]\r\n  a = 1\r\n  b = 2\r\n  [B]\r\n"


def test_lines_of_a_value_are_indented() -> None:
    new = set_key("[SLURM]\n", "SLURM", "job_prologue", "one\ntwo")
    assert new == "[SLURM]\njob_prologue = one\n    two\n"


def test_a_key_goes_with_all_its_lines() -> None:
    assert changed(TEXT, unset_key(TEXT, "SLURM", "job_prologue")) == [
        ("job_prologue = module load a", "    module load b"),
        (),
    ]
    with pytest.raises(ConfigurationError, match="not set there"):
        unset_key(TEXT, "SLURM", "slurm_zip_cmd")


@pytest.mark.parametrize("value", [" a", "a\n\nb\n", "a\n# b", "a\r\n;b"])
def test_a_value_that_an_ini_file_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot hold"):
        set_key(TEXT, "SLURM", "job_prologue", value)


LINES = st.sampled_from(
    [
        "[SLURM]", "[WORKFLOWS]", "# note", "", "  ", "slurm_data_path = /a", "  sbatch_mem=1G", "\tmore",
        "sbatch_exclusive", "a_repo: x", "job_prologue = a", "    b", "; c", "é = ü",
    ]
)  # fmt: skip


@given(
    st.lists(LINES, max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["slurm_data_path", "sbatch_mem", "new"]),
    st.text(alphabet="ab %=:[#", max_size=6),
)
@settings(max_examples=400, deadline=None)
def test_whatever_is_set_is_read_back_and_nothing_else_changes(
    lines: list[str], newline: str, key: str, value: str
) -> None:
    text = newline.join(lines)
    if read_ini(text).faults:
        return
    before = {(e.section, e.key): e.value for e in read_ini(text).entries}
    try:
        new = set_key(text, "SLURM", key, value)
    except ConfigurationError:
        assert value != value.strip() or value.startswith(("=", ":")) or " #" in value
        return
    assert {(e.section, e.key): e.value for e in read_ini(new).entries} == {**before, ("SLURM", key): value}
    if ("SLURM", key) not in before and "[SLURM]" in lines and text.endswith(newline):
        assert unset_key(new, "SLURM", key) == text


def mine(tmp_path: Path, text: str = TEXT) -> Path:
    path = tmp_path / "slurm-config.ini"
    path.write_text(text)
    return path


def test_the_file_is_replaced_whole_with_a_copy_and_its_mode(tmp_path: Path) -> None:
    path = mine(tmp_path)
    path.chmod(0o640)
    done = change_setting("slurm.SLURM_DATA_PATH", "/b", file=path, environment={}, files=())
    assert done.backup == tmp_path / "slurm-config.ini.bak"
    assert done.backup.read_text() == TEXT
    assert (path.stat().st_mode & 0o777, done.backup.stat().st_mode & 0o777) == (0o640, 0o640)
    assert load_settings(path, cluster="x", environment={}, files=()).cluster.data_path == "/b"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["slurm-config.ini", "slurm-config.ini.bak"]


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "etc" / "slurm-config.ini"
    done = change_setting("CLUSTER big.host", "big", file=path, environment={}, files=())
    assert (done.backup, path.read_text()) == (None, "[CLUSTER big]\nhost = big\n")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = mine(tmp_path)
    link = tmp_path / "links" / "config.ini"
    link.parent.mkdir()
    link.symlink_to(os.path.relpath(target, link.parent))
    change_setting("SSH.host", "lisa", file=link, environment={}, files=())
    assert link.is_symlink()
    assert "host = lisa" in target.read_text()
    assert [p.name for p in link.parent.iterdir()] == ["config.ini"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SLURM.image_pull_cpus", "none", "whole number"),
        ("SLURM.sbatch_mem", "lots", "amount of memory"),
        ("SLURM.slurm_data_pth", "x", "did you mean 'slurm_data_path'"),
        ("SLRUM.slurm_data_path", "x", "SECTION.KEY"),
        ("slurm_data_path", "x", "SECTION.KEY"),
        ("WORKFLOWS.a_repo", "ftp://x", "an address"),
        ("ANALYTICS.sqlalchemy_url", "hunter2", "an address"),
        ("NOTIFY.smtp_password", "hunter2 #ss", "' #' is a comment"),
    ],
)
def test_a_value_that_does_not_hold_is_refused_and_nothing_is_written(
    name: str, value: str, words: str, tmp_path: Path
) -> None:
    path = mine(tmp_path)
    with pytest.raises(ConfigurationError, match=words) as raised:
        change_setting(name, value, file=path, environment={}, files=())
    assert "hunter2" not in str(raised.value)
    assert path.read_text() == TEXT
    assert [p.name for p in tmp_path.iterdir()] == ["slurm-config.ini"]


def test_what_was_wrong_before_can_be_put_right_step_by_step(tmp_path: Path) -> None:
    path = mine(tmp_path, "[SLURM]\nimage_pull_cpus = x\nimage_pull_mem = y\n")
    change_setting("SLURM.image_pull_cpus", "2", file=path, environment={}, files=())
    change_setting("SLURM.image_pull_mem", None, file=path, environment={}, files=())
    assert path.read_text() == "[SLURM]\nimage_pull_cpus = 2\n"


def test_a_change_that_breaks_another_value_is_refused(tmp_path: Path) -> None:
    path = mine(tmp_path, "[SLURM]\ngpu_gres = gpu:1\n")
    with pytest.raises(ConfigurationError, match="together"):
        change_setting("SLURM.gpu_gpus", "1", file=path, environment={}, files=())


def test_the_one_file_that_counts_is_written(tmp_path: Path) -> None:
    only = tmp_path / "only.ini"
    environment = {"BIOMERO_SLURM_CONFIG_FILE": str(only)}
    done = change_setting("SSH.host", "lisa", file=tmp_path / "other.ini", environment=environment, files=())
    assert done.file == only
    assert load_settings(environment=environment, files=()).cluster.ssh_host == "lisa"
