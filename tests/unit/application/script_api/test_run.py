"""Running a workflow on a data folder: what is checked, what is asked for, what reaches the program."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from biomero.application.script_api.job_notes import data_location, read_notes
from biomero.application.script_api.job_states import job_states
from biomero.application.script_api.run import WorkflowOrder, run_workflow
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.application.settings import WorkflowSettings
from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef, JobResources, JobSpec
from biomero.errors import (
    ConfigurationError,
    ConnectionFailedError,
    ContainerImageError,
    InputError,
    ParameterError,
    UnsafePathError,
)
from biomero.testing.scheduler import FakeScheduler
from services.command import image_file
from unit.application.script_api.conftest import World


def images(world: World, count: int = 1) -> dict[str, bytes]:
    return {
        f"cell_{i}.tif": image_file(world.folder / f"cell_{i}.tif", seed=i).read_bytes() for i in range(count)
    }


def run(world: World, values: Mapping[str, Any] | None = None, **order: Any) -> SubmittedJob:
    asked = {"workflow": "threshold", "version": "latest", "data": "set", **order}
    return run_workflow(world.session, WorkflowOrder(values=values or {}, **asked))


def test_a_workflow_runs_in_the_folder_of_its_data(world: World) -> None:
    folder = world.unpacked("set", images(world, 2))
    job = run(world, {"level": 200, "note": None, "behave": ""})
    assert job.stdout == f"Submitted batch job {job.job_id}\n"
    world.end(job.job_id)
    assert job_states(world.session, [str(job.job_id)]) == {job.job_id: "COMPLETED"}
    assert sorted(p.name for p in (folder / "data/out").iterdir()) == ["cell_0.tif", "cell_1.tif"]
    assert "note: ''" in Path(job.log).read_text()
    assert job.command[-6:-2] == ("--level", "200", "--behave", "well")
    assert "--note" not in job.command
    assert data_location(world.session, job.job_id) == str(folder)
    assert data_location(world.session, logfile=f"omero-{job.job_id}.log") == str(folder)
    assert stat.S_IMODE((folder / "jobs").stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in (folder / "jobs").iterdir() if p.is_file()} == {0o600}


@pytest.mark.parametrize(
    "hostile", ["$(touch pwned)", "`touch pwned`", "'; touch pwned;'", '"\n$(touch pwned)\n']
)
def test_values_reach_the_program_as_they_are(world: World, hostile: str) -> None:
    world.unpacked("set", images(world))
    with pytest.raises(ContainerImageError, match="the one that BIOMERO ships"):
        run(world, {"note": hostile}, version=f"1{hostile}")
    job = run(world, {"note": hostile}, email="a@b.c;id>pwned;true")
    world.end(job.job_id)
    assert job_states(world.session, [job.job_id])[job.job_id] == "COMPLETED"
    assert f"note: {hostile!r}" in Path(job.log).read_text()
    assert not list(world.folder.rglob("pwned"))
    assert world.scheduler.submissions[0].resources.mail_user == "a@b.c;id>pwned;true"


def test_wrong_values_are_refused_before_anything_is_submitted(world: World) -> None:
    world.unpacked("set", images(world))
    for values, words in (
        ({"level": "many"}, "level"),
        ({"levle": 3}, "did you mean 'level'"),
        ({"behave": "badly"}, "one of"),
    ):
        with pytest.raises(ParameterError, match=words):
            run(world, values)
    with pytest.raises(ParameterError, match="00:45:00"):
        run(world, time="soon")
    with pytest.raises(ParameterError, match="mail address"):
        run(world, email="-x\n")
    with pytest.raises(InputError, match="send and unpack"):
        run(world, data="nothing")
    with pytest.raises(UnsafePathError):
        run(world, data="../set")
    assert not world.scheduler.submissions


@pytest.mark.parametrize(
    ("behave", "state"), [("fail", "FAILED"), ("nothing", "FAILED"), ("well", "COMPLETED")]
)
def test_a_program_that_fails_or_writes_nothing_is_a_failed_job(
    world: World, behave: str, state: str
) -> None:
    world.unpacked("set", images(world))
    job = run(world, {"behave": behave})
    world.end(job.job_id)
    assert job_states(world.session, [job.job_id])[job.job_id] == state


def test_the_facility_has_the_last_word_but_for_time_and_mail(world: World) -> None:
    world.unpacked("set", images(world))
    world.set(
        resources=JobResources(partition="main", account="imaging", memory_mb=9000),
        gpu=JobResources(partition="gpus", gres="gpu:1"),
        injects_gpu_flag=True,
    )
    world.scheduler = type(world.scheduler)(world._run, partitions=("main", "gpus", "own"))
    asked = [
        run(world).job_id,
        run(world, {"use_gpu": True}).job_id,
        run(world, {"use_gpu": "false"}, time="1-00:00:00", email="a@b.c").job_id,
    ]
    world.workflow_settings["threshold"] = replace(
        world.workflow_settings["threshold"],
        resources=JobResources(partition="own", gpus="2", memory_mb=100, time_limit_min=7),
        uses_gpu=True,
    )
    asked.append(run(world).job_id)
    plain, gpu, timed, own = (spec.resources for spec in world.scheduler.submissions)
    assert len(set(asked)) == 4
    assert (plain.partition, plain.account, plain.memory_mb, plain.cpus, plain.time_limit_min) == (
        "main", "imaging", 9000, 4, 45,
    )  # fmt: skip
    assert (plain.gres, gpu.partition, gpu.gres) == (None, "gpus", "gpu:1")
    assert (timed.gres, timed.extra, timed.mail_user, timed.mail_type) == (
        None, {"time": "1-00:00:00"}, "a@b.c", "END,FAIL",
    )  # fmt: skip
    assert (own.partition, own.gpus, own.gres, own.memory_mb, own.time_limit_min) == (
        "own",
        "2",
        None,
        100,
        7,
    )


def test_the_same_identity_is_the_same_job(world: World) -> None:
    world.unpacked("set", images(world))
    first, again, other = (run(world, identity=name).job_id for name in ("one", "one", "two"))
    assert first == again != other
    assert len(world.scheduler.submissions) == 2


class Deaf(FakeScheduler):
    """Loses the connection after a job was accepted, a few times."""

    losses = 2

    def submit(self, spec: JobSpec) -> JobRef:
        ref = super().submit(spec)
        if self.losses:
            self.losses -= 1
            raise ConnectionFailedError("the connection was lost before the answer")
        return ref


def test_a_lost_answer_makes_no_second_job(world: World) -> None:
    world.unpacked("set", images(world))
    world.scheduler = Deaf(world._run)
    job = run(world)
    assert len(world.scheduler.submissions) == 1
    assert data_location(world.session, job.job_id) == str(world.data / "set")


def test_a_log_that_lies_about_the_data_changes_nothing(world: World) -> None:
    world.unpacked("set", images(world))
    job = run(world, {"note": "| /etc | x"})
    Path(job.log).write_text(f"Running Threshold Job w/ a | b | {world.home}/../../etc | c\n")
    assert data_location(world.session, job.job_id) == str(world.data / "set")
    with pytest.raises(InputError, match="not known"):
        data_location(world.session, 4711)
    for wrong in ("x", "12; rm", "-1", ""):
        with pytest.raises(InputError):
            data_location(world.session, wrong)


def test_a_forged_note_says_nothing(world: World) -> None:
    folder = world.unpacked("set", images(world))
    job = run(world)
    notes = world.data / ".jobs"
    good = (notes / str(job.job_id)).read_text()
    for forged in (
        good.replace('"set"', '"../.."'),
        good.replace("/set/logs", "/../../etc"),
        "{}",
        "no json",
        "[1]",
    ):
        (notes / str(job.job_id)).write_text(forged)
        assert read_notes(world.session, [job.ref.job_id]) == {}
    assert folder.exists()


def test_the_folder_of_a_job_that_was_submitted_otherwise_is_asked_of_the_scheduler(world: World) -> None:
    world.unpacked("set", images(world))
    script = world.data / "set" / "by-hand.sh"
    script.write_text("#!/bin/sh\n")
    ref = world.scheduler.submit(JobSpec(key=JobKey("by-hand"), script=str(script), log="/dev/null"))
    assert data_location(world.session, ref.job_id) == str(world.data / "set")


def with_own_script(world: World, text: str) -> None:
    scripts = world.home / "slurm-scripts" / "jobs"
    scripts.mkdir(parents=True)
    (scripts / "threshold.sh").write_text(text)
    world.set(script_repository="https://example.org/scripts")
    world.workflow_settings["threshold"] = replace(
        world.workflow_settings["threshold"], job_script="jobs/threshold.sh"
    )


OWN = """\
#!/bin/bash
#SBATCH --mem=3G
# a comment
#SBATCH --time=00:10:00
echo "$DATA_PATH|$IMAGE_VERSION|$SCRIPT_PATH|$LEVEL|$NOTE"
#SBATCH --too=late
touch "$DATA_PATH/data/out/done"
"""


def test_a_job_script_of_the_facility_runs_as_it_is(world: World) -> None:
    folder = world.unpacked("set", images(world))
    with_own_script(world, OWN)
    hostile = "$(touch pwned)'\"\nBIOMERO_ENV\ntouch pwned"
    job = run(world, {"note": hostile, "level": 3}, version="1.0")
    world.end(job.job_id)
    scripts = world.home / "slurm-scripts"
    assert Path(job.log).read_text() == f"{folder}|1.0|{scripts}|3|{hostile}\n"
    assert (folder / "data/out/done").exists()
    assert not list(world.folder.rglob("pwned"))
    (spec,) = world.scheduler.submissions
    assert (spec.resources.memory_mb, spec.resources.time_limit_min) == (None, None)
    script = Path(spec.script).read_text()
    assert script.splitlines()[:3] == ["#!/bin/bash", "#SBATCH --mem=3G", "#SBATCH --time=00:10:00"]
    assert "--too" not in script
    assert not os.access(spec.script, os.X_OK)


def test_without_a_repository_of_scripts_a_script_is_made_for_every_run(world: World) -> None:
    world.unpacked("set", images(world))
    with_own_script(world, OWN)
    world.set(script_repository=None)
    assert "--level" in run(world).command


def test_a_missing_or_misplaced_job_script_is_a_wrong_setting(world: World) -> None:
    world.unpacked("set", images(world))
    with_own_script(world, OWN)
    (world.home / "slurm-scripts/jobs/threshold.sh").unlink()
    with pytest.raises(ConfigurationError, match="there is no job script"):
        run(world)
    world.workflow_settings["threshold"] = WorkflowSettings(reference="x", job_script="../../evil.sh")
    with pytest.raises(UnsafePathError):
        run(world)
