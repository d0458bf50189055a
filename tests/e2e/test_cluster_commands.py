"""Preparing a real cluster, looking at it and cleaning it, by the command line."""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.command import THRESHOLD, User, image_file
from services.container_fixtures import apptainer, image_registry, tiny_root
from services.plain_http import plain_http_apptainer
from services.prepared import wait_until
from services.registry import Registry, layer_of
from services.sif import pack
from services.slurm_lab import SlurmLab

__all__ = ["apptainer", "image_registry", "tiny_root"]

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A user of the cluster with folders of their own there, and a workflow of which there is an image."""

    user: User
    home: Path
    """The folder on the cluster that has everything of this test."""
    image: str
    program: Path
    """The Apptainer that pulls."""

    @property
    def name(self) -> str:
        """The last part of the image's name."""
        return self.image.rpartition("/")[2].partition(":")[0]

    def items(self, *options: str, code: int = 0) -> dict[str, dict[str, str]]:
        """Prepare the cluster and return what became of each item."""
        ended = self.user.biomero("cluster", "prepare", *self.user.cluster, "--json", *options)
        assert ended.code == code, ended.stdout + ended.stderr
        return {f"{i['kind']} {i['name']}": i for i in ended.document["items"]}


@pytest.fixture
def site(
    tmp_path: Path, slurm_lab: SlurmLab, apptainer: Path, image_registry: Registry, tiny_root: Path
) -> Iterator[Site]:
    home = slurm_lab.home / f"site-{uuid.uuid4().hex[:8]}"
    name = f"lab/{uuid.uuid4().hex[:8]}"
    image_registry.push(name, "1.0", layer_of(tiny_root), {"Entrypoint": ["/bin/tiny", "fixed"]})
    image = f"{image_registry.address}/{name}:1.0"
    for workflow, described in (("good", image), ("bad", f"{image_registry.address}/lab/nothing:1.0")):
        descriptor = json.loads((THRESHOLD / "descriptor.json").read_text())
        descriptor["container-image"] = {"image": described, "type": "oci"}
        (tmp_path / workflow).mkdir()
        (tmp_path / workflow / "descriptor.json").write_text(json.dumps(descriptor))
    program = plain_http_apptainer(apptainer, Path("/var/tmp") / f"biomero-test-{name.replace('/', '-')}")
    (tmp_path / "slurm-config.ini").write_text(
        f"[SLURM]\nslurm_data_path = {home}/data\nslurm_images_path = {home}/images\n"
        f"slurm_converters_path = {home}/converters\nslurm_script_path = {home}/scripts\n"
        f"container_executable = {program}\nimage_pull_cpus = 1\nimage_pull_mem = 500M\n"
        f"[WORKFLOWS]\ngood = first/tiny\ngood_repo = {tmp_path}/good\n"
        f"bad = second\nbad_repo = {tmp_path}/bad\n"
        f"[CONVERTERS]\nzarr_to_tiff = {image}\n"
    )
    options = ("--cluster", slurm_lab.alias, "--ssh-config", str(slurm_lab.ssh_config))
    config = ("--config", str(tmp_path / "slurm-config.ini"))
    yield Site(user=User(home=tmp_path, cluster=(*options, *config)), home=home, image=image, program=program)
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(program.parent, ignore_errors=True)


@pytest.mark.apptainer
@pytest.mark.parametrize("where", ["--on-login-node", "--as-jobs"])
def test_a_cluster_is_prepared_once_and_what_is_missing_is_named(site: Site, where: str) -> None:
    chosen = ("--workflow", "good", "--workflow", "bad", where)
    first = site.items(*chosen, code=1)
    assert {key: item["outcome"] for key, item in first.items()} == {
        **{f"folder {name}": "made" for name in ("data", "runs", "job scripts", "images", "converters")},
        "converter zarr-to-tiff": "made",
        "converter convert_zarr_to_tiff": "made",
        "image good": "made",
        "image bad": "failed",
    }
    assert "lab/nothing:1.0 cannot be pulled" in first["image bad"]["detail"]
    assert (site.home / "data/runs").stat().st_mode & 0o777 == 0o700
    path = Path(first["image good"]["detail"])
    assert path.parent == site.home / "images/first/tiny"
    note = json.loads(path.with_suffix(".json").read_text())
    assert (note["source"], note["digest"]) == (f"docker://{site.image}", first["image good"]["digest"])
    assert Path(first["converter convert_zarr_to_tiff"]["detail"]).name == "convert_zarr_to_tiff_1.0.sif"
    changed = path.stat().st_mtime_ns
    second = site.items("--workflow", "good", where)
    assert {item["outcome"] for item in second.values()} == {"present"}
    assert path.stat().st_mtime_ns == changed
    hidden = {p.name for p in site.home.rglob(".*") if "environments" not in p.parts}
    assert {name for name in hidden if not name.endswith(".lock")} <= {".complete"}
    told = site.user.here("cluster", "prepare", *site.user.cluster, "--workflow", "good", where)
    assert "nothing to do: everything was there" in told.stdout


@pytest.mark.apptainer
@pytest.mark.parametrize("where", ["--on-login-node", "--as-jobs"])
def test_a_preparation_that_is_killed_ends_right_the_next_time(site: Site, where: str) -> None:
    program = site.program
    program.write_text(program.read_text().replace("\nexec", '\n[ "$1" != pull ] || sleep 5\nexec'))
    image = site.home / "images/first/tiny" / f"{site.name}_1.0.sif"
    words = ("cluster", "prepare", *site.user.cluster, "--workflow", "good", where)
    with site.user.started(*words):
        wait_until(image.with_name(f".{image.name}.pull").exists, timeout_s=120)
    assert not image.exists()
    found = site.items("--workflow", "good", where)["image good"]
    assert (found["outcome"], found["detail"]) in {("made", str(image)), ("present", str(image))}
    assert [p.name for p in image.parent.glob(".*") if not p.name.endswith(".lock")] == []


@pytest.mark.apptainer
def test_a_file_of_this_machine_becomes_the_workflow_s_image(
    site: Site, apptainer: Path, tiny_root: Path, tmp_path: Path
) -> None:
    file = tmp_path / "built here.sif"
    root = tmp_path / "root"
    shutil.copytree(tiny_root, root, symlinks=True)
    pack(apptainer, root, file, start=("/bin/tiny",))
    made = site.items("--image", f"bad={file}")["image bad"]
    assert made["outcome"] == "made"
    assert Path(made["detail"]).read_bytes() == file.read_bytes()
    assert (
        json.loads(Path(made["detail"]).with_suffix(".json").read_text())["source"] == "file:built_here.sif"
    )
    assert site.items("--image", f"bad={file}")["image bad"]["outcome"] == "present"
    assert site.items("--workflow", "bad")["image bad"]["outcome"] == "present"
    broken = tmp_path / "broken.sif"
    broken.write_bytes(file.read_bytes()[:5000])
    failed = site.items("--image", f"bad={broken}", code=1)["image bad"]
    assert "not a whole SIF" in failed["detail"]


def test_the_status_shows_partitions_jobs_and_space(site: Site, slurm_lab: SlurmLab) -> None:
    images = [image_file(site.user.home / "a.tif")]
    ended = site.user.run(THRESHOLD, images, "--runtime", "process", "--keep")
    assert ended.code == 0, ended.stderr
    slurm_lab.run_as_user(("sbatch", "--job-name=mine", "--hold", "--wrap=true"))
    try:
        document = site.user.here("cluster", "status", *site.user.cluster, "--json").document
        told = site.user.here("cluster", "status", *site.user.cluster)
    finally:
        slurm_lab.run_as_user(("scancel", "--name=mine"))
    assert document["partitions"][0]["name"] == "main"
    assert sum(document["partitions"][0]["nodes"].values()) == 4
    assert ("mine", "PENDING", "JobHeldUser") in {
        (j["name"], j["state"], j["reason"]) for j in document["jobs"]
    }
    space = {s["name"]: s for s in document["space"]}
    assert space["runs"]["entries"] == 1
    assert space["runs"]["used_bytes"] > 10_000
    assert space["runs"]["free_bytes"] > 0
    assert space["images"]["used_bytes"] is None
    assert "main (default)" in told.stdout
    assert "mine" in told.stdout


def test_only_old_folders_of_runs_that_are_over_are_removed(site: Site, slurm_lab: SlurmLab) -> None:
    images = [image_file(site.user.home / "a.tif")]
    run_id = site.user.run(THRESHOLD, images, "--runtime", "process", "--keep").document["id"]
    runs = site.home / "data/runs"
    working = str(uuid.uuid4())
    others = {
        "stranger": str(uuid.uuid4()),
        "young": str(uuid.uuid4()),
        "working": working,
        "mine": "my notes",
    }
    for name in others.values():
        for part in ("in", "out", "logs"):  # what the folder of a run has, whoever drove it
            (runs / name / part).mkdir(parents=True)
        (runs / name / "in/file").write_text("x")
        for path in (runs / name, *(runs / name).rglob("*")):
            shutil.chown(path, slurm_lab.user)
    outside = site.home / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    (runs / str(uuid.uuid4())).symlink_to(outside)
    long_ago = time.time() - 40 * 24 * 3600
    for path in [outside, *runs.rglob("*"), outside / "file"]:
        if others["young"] not in path.parts:
            os.utime(path, (long_ago, long_ago), follow_symlinks=False)
    words = ("cluster", "clean", *site.user.cluster, "--older-than", "30d", "--json")
    slurm_lab.run_as_user(("sbatch", f"--job-name=biomero-{working}-workflow", "--hold", "--wrap=true"))
    try:
        planned = site.user.here(*words).document
        assert {g["name"] for g in planned["going"]} == {run_id, others["stranger"]}
        assert {k["name"]: k["reason"] for k in planned["kept"]} == {working: "a job of it waits or runs"}
        assert (runs / run_id).exists()
        removed = site.user.here(*words, "--yes").document
        assert "going" in removed, removed
    finally:
        slurm_lab.run_as_user(("scancel", "--user", slurm_lab.user))
    assert removed["going"] == planned["going"]
    assert {p.name for p in runs.iterdir() if not p.is_symlink()} == {others["young"], working, "my notes"}
    assert (outside / "file").exists()


def test_nothing_goes_without_a_rule_or_without_the_scheduler(site: Site) -> None:
    none = site.user.here("cluster", "clean", *site.user.cluster)
    assert none.code == 2
    assert "--older-than" in none.stderr
    for wrong in (
        *(("--older-than", "soon"), ("--older-than", f"{'9' * 20}d")),
        *(("--larger-than", "big"), ("--larger-than", f"{'9' * 400}G")),
    ):
        refused = site.user.here("cluster", "clean", *site.user.cluster, *wrong)
        assert refused.code == 2
        assert refused.stderr.startswith("biomero: --")
