"""Shell text for scripts, read by a real shell."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.errors import ConfigurationError
from biomero.slurm_client import texts
from biomero.slurm_client.addresses import split_address, split_image

HOSTILE = "a b;$(touch pwned)'\"\n`x`"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_no_value_is_read_by_the_shell(value: str) -> None:
    for text in (
        texts.jobs_text(start=value, end="now", columns="JobId", states="r"),
        texts.sbatch_text({"mail-user": value}, "job.sh"),
    ):
        assert any(value in word for word in shlex.split(text))


def test_jobs_are_asked_for_as_documented() -> None:
    text = texts.jobs_text(start="2023-01-01", end="now", columns="JobId", states="r,cd,f,to,rs,dl,nf")
    assert text == ("sacct --starttime 2023-01-01 --endtime now --state r,cd,f,to,rs,dl,nf -o JobId -n -X")


def test_an_id_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="rm"):
        texts.status_text(["12; rm -rf ~"])


@pytest.mark.parametrize("program", [None, "/opt/7z", "zip", "/opt/tools/zip"])
def test_packing_hostile_names_is_one_command(program: str | None, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("7z", "zip", "unzip"):
        (tools / tool).write_text('#!/bin/sh\nprintf "%s\\n" "$@" >>"$OUT"\n')
        (tools / tool).chmod(0o755)
    program = program and program.replace("/opt/tools", str(tools)).replace("/opt", str(tools))
    folder = tmp_path / HOSTILE
    (folder / "data" / "out").mkdir(parents=True)
    out = tmp_path / "said"
    run = [
        texts.zip_text(program, str(folder), HOSTILE),
        texts.unzip_text(program, str(tmp_path), f"{HOSTILE}.zip", "*.tif *.zarr"),
    ]
    for text in run:
        environment = {"PATH": f"{tools}:/usr/bin:/bin", "OUT": str(out)}
        subprocess.run(["sh", "-c", text], check=True, cwd=tmp_path, env=environment)
    assert f"{folder}/{HOSTILE}.zip" in out.read_text()
    assert "*.tif" in out.read_text().split("\n")
    assert not list(tmp_path.rglob("pwned"))


def test_a_job_script_hands_values_over_as_they_are(tmp_path: Path) -> None:
    lines = texts.parameter_lines(
        {
            "diameter": {"cmd_flag": "--diameter", "type": "float"},
            "net-avg": {"cmd_flag": "--net_avg", "type": "boolean"},
            "unset": {"cmd_flag": "--unset", "type": "string"},
        },
        switches=True,
    )
    script = texts.job_text(
        "cellpose", {"INPARAMS": texts.folder_words("--in", "in"), "PARAMS": lines}, "job_template.sh"
    )
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "apptainer").write_text('#!/bin/sh\nprintf "%s\\n" "$@"; touch "$DATA_PATH/data/out/a"\n')
    (tools / "apptainer").chmod(0o755)
    (tmp_path / "data" / "out").mkdir(parents=True)
    ended = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": f"{tools}:/usr/bin:/bin",
            "DATA_PATH": str(tmp_path),
            "IMAGE_PATH": "/images",
            "SINGULARITY_IMAGE": "a.sif",
            "DIAMETER": "$(touch pwned)",
            "NET_AVG": "True",
        },
        cwd=tmp_path,
    )
    assert ended.stdout.split("\n")[:-1] == [
        "run",
        "/images/a.sif",
        "--in",
        f"{tmp_path}/data/in",
        "--diameter",
        "$(touch pwned)",
        "--net_avg",
    ]
    assert not (tmp_path / "pwned").exists()


def test_only_the_known_template_is_filled() -> None:
    with pytest.raises(ConfigurationError, match="job_template"):
        texts.job_text("x", {}, "../../etc/passwd")


@pytest.mark.parametrize(
    ("image", "version", "name"),
    [
        ("org/name:1.0", "1.0", "org/name"),
        ("org/name", None, "org/name"),
        ("name", None, "name"),
        ("localhost:5000/org/name", None, "localhost:5000/org/name"),
        ("ghcr.io/org/deep/name:v2", "v2", "ghcr.io/org/deep/name"),
        ("org/name@sha256:" + "0" * 64, "sha256:" + "0" * 64, "org/name"),
        ("org/name:1@sha256:" + "0" * 64, "sha256:" + "0" * 64, "org/name"),
    ],
)
def test_versions_of_images(image: str, version: str | None, name: str) -> None:
    assert split_image(image) == (version, name)


def test_what_is_no_address_of_a_repository_is_refused() -> None:
    with pytest.raises(ValueError, match="repository"):
        split_address("git@github.com:org/name")
