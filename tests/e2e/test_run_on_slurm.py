"""The main job on a real Slurm cluster, through a real sshd."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import tifffile

from services.command import THRESHOLD, Ended, User, image_file
from services.slurm_lab import SlurmLab

pytestmark = [pytest.mark.slurm, pytest.mark.sshd, pytest.mark.slow, pytest.mark.timeout(600)]

PROCESS = ("--runtime", "process")


def images_in(folder: Path, count: int) -> list[Path]:
    return [image_file(folder / f"cell_{i:03}.tif", seed=i) for i in range(count)]


def wait_for(user: User, status: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        shown = user.here("runs", "show", "last", "--json")
        if shown.code == 0 and shown.document["status"] == status:
            return
        assert time.monotonic() < deadline, shown.stdout + shown.stderr
        time.sleep(0.5)


def succeeded(ended: Ended) -> Ended:
    assert ended.code == 0, ended.stderr + ended.stdout
    return ended


def test_remote_commands_do_not_grow_with_the_number_of_images(cluster_user: User) -> None:
    images = images_in(cluster_user.home, 100)
    succeeded(cluster_user.run(THRESHOLD, images[:1], *PROCESS, out="warm"))  # makes the environments
    few = succeeded(cluster_user.run(THRESHOLD, images[:10], *PROCESS, out="few")).document
    many = succeeded(cluster_user.run(THRESHOLD, images, *PROCESS, out="many")).document
    assert [i["objects"] for i in many["images"]] == [1] * 100
    for document in (few, many):
        assert document["counts"]["ssh_logins"] == 1
    plain = [d["counts"]["remote_commands"] - d["counts"]["status_polls"] for d in (few, many)]
    # a poll is one command, or two where accounting has to be asked for what left the queue
    assert abs(plain[1] - plain[0]) <= 4, (few["counts"], many["counts"])


def test_a_hostile_file_name_and_parameter_are_only_names(cluster_user: User, slurm_lab: SlurmLab) -> None:
    hostile = image_file(cluster_user.home / "a b;$(touch pwned)'\"\n.tif")
    ended = cluster_user.run(THRESHOLD, [hostile], *PROCESS, "--param", "note=$(touch pwned)", "--keep")
    document = succeeded(ended).document
    assert document["images"][0]["objects"] == 1
    for place in (cluster_user.home, slurm_lab.home):
        assert not list(place.rglob("pwned"))


def test_a_program_that_fails_after_writing_is_a_failed_run(cluster_user: User) -> None:
    ended = cluster_user.run(THRESHOLD, images_in(cluster_user.home, 2), *PROCESS, "--param", "behave=fail")
    assert ended.code == 1, ended.stderr + ended.stdout
    failure = ended.document["failure"]
    assert (failure["failure_class"], failure["slurm_state"], failure["exit_code"]) == (
        "container",
        "FAILED",
        1,
    )
    assert "the model did not converge" in failure["log_tail"]


def test_a_task_that_is_killed_for_memory_is_named_so(cluster_user: User, slurm_lab: SlurmLab) -> None:
    assert slurm_lab.has_cgroups, "this machine gives no control groups, so that Slurm cannot limit memory"
    options = (*PROCESS, "--param", "behave=hog", "--mem", "300M", "--batch-size", "1")
    ended = cluster_user.run(THRESHOLD, images_in(cluster_user.home, 2), *options)
    assert ended.code == 1, ended.stderr + ended.stdout
    failure = ended.document["failure"]
    assert (failure["failure_class"], failure["slurm_state"]) == ("scheduler", "OUT_OF_MEMORY")
    assert "memory" in failure["advice"]


def test_a_partition_that_does_not_exist_is_named_before_anything_is_sent(cluster_user: User) -> None:
    (image,) = images_in(cluster_user.home, 1)
    words = (*cluster_user.cluster, *PROCESS, "--partition", "gpux")
    ended = cluster_user.here("run", THRESHOLD, image, *words, "--out", "results", "--json")
    assert ended.code == 2
    assert "no partition 'gpux'" in ended.document["error"]["message"]
    assert "main, scavenge" in ended.document["error"]["message"]
    assert cluster_user.here("runs", "list", "--json").document["runs"] == []


def test_an_alias_that_does_not_resolve_is_a_configuration_error(
    cluster_user: User, slurm_lab: SlurmLab
) -> None:
    words = ("--cluster", "no-such-host", "--ssh-config", str(slurm_lab.ssh_config))
    lost = User(home=cluster_user.home, cluster=words)
    ended = lost.run(THRESHOLD, images_in(lost.home, 1), *PROCESS)
    assert ended.code == 2, ended.stdout + ended.stderr
    assert "no-such-host" in ended.document["error"]["message"]


@pytest.mark.parametrize(
    ("replaced", "by", "message"),
    [
        ("UserKnownHostsFile", "UserKnownHostsFile /dev/null", "host key"),
        ("Port ", "Port 1", "lab"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_exit_code_3(
    cluster_user: User, slurm_lab: SlurmLab, replaced: str, by: str, message: str
) -> None:
    lines = slurm_lab.ssh_config.read_text().splitlines()
    changed = [f"  {by}" if line.strip().startswith(replaced) else line for line in lines]
    assert changed != lines
    config = cluster_user.home / "ssh_config"
    config.write_text("\n".join(changed))
    lost = User(home=cluster_user.home, cluster=("--cluster", slurm_lab.alias, "--ssh-config", str(config)))
    ended = lost.run(THRESHOLD, images_in(lost.home, 1), *PROCESS)
    assert ended.code == 3, ended.stdout + ended.stderr
    assert message in ended.document["error"]["message"]


def test_a_run_is_cancelled_from_another_shell(cluster_user: User, slurm_lab: SlurmLab) -> None:
    image = images_in(cluster_user.home, 1)
    options = (*cluster_user.cluster, *PROCESS, "--param", "behave=sleep")
    with cluster_user.started("run", THRESHOLD, *image, "--out", "results", *options) as driver:
        wait_for(cluster_user, "running")
        cancelled = cluster_user.biomero("runs", "cancel", "last", "--json")
        assert cancelled.document["status"] == "cancelled"
        assert driver.wait(timeout=60) == 1
    assert (
        f"biomero-{cancelled.document['id']}"
        not in slurm_lab.run_as_user(("squeue", "-h", "-o", "%j")).stdout.decode()
    )


def test_a_driver_that_is_killed_loses_nothing(cluster_user: User, slurm_lab: SlurmLab) -> None:
    options = (*cluster_user.cluster, *PROCESS)
    with cluster_user.started(
        "run", THRESHOLD, *images_in(cluster_user.home, 2), "--out", "results", *options
    ):
        wait_for(cluster_user, "converting")
    document = succeeded(cluster_user.biomero("runs", "resume", "last", "--json")).document
    assert [i["objects"] for i in document["images"]] == [1, 1]
    known = slurm_lab.run_as_user(("sacct", "-X", "-n", "-P", "--format=JobName%100,JobID")).stdout.decode()
    conversions = [line for line in known.splitlines() if f"biomero-{document['id']}-conversion" in line]
    assert len({line.rsplit("|", 1)[1].split("_")[0] for line in conversions}) == 1


def test_zarr_goes_to_a_workflow_that_takes_it_without_conversion(cluster_user: User, tmp_path: Path) -> None:
    folder = tmp_path / "counts-zarr"
    folder.mkdir()
    descriptor = (
        (THRESHOLD / "descriptor.json")
        .read_text()
        .replace(
            '"format": "tif",\n      "value-key": "[IMAGES]"',
            '"format": "ome-zarr",\n      "value-key": "[IMAGES]"',
        )
    )
    (folder / "descriptor.json").write_text(descriptor)
    (folder / "threshold.py").write_text(
        "import sys, pathlib\n"
        "given = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
        "names = sorted(p.name for p in pathlib.Path(given['--infolder']).iterdir())\n"
        "(pathlib.Path(given['--outfolder']) / 'names.csv').write_text('\\n'.join(names))\n"
    )
    document = succeeded(cluster_user.run(folder, images_in(tmp_path, 2), *PROCESS)).document
    assert [job["step"] for job in document["jobs"]] == ["workflow"]
    (table,) = [o for o in document["outputs"] if o["kind"] == "table"]
    assert (cluster_user.home / "results" / table["path"]).read_text().split() == [
        "cell_000.ome.zarr",
        "cell_001.ome.zarr",
    ]


def test_pixels_come_back_as_they_were_computed(cluster_user: User) -> None:
    document = succeeded(cluster_user.run(THRESHOLD, images_in(cluster_user.home, 1), *PROCESS)).document
    (label,) = [o for o in document["outputs"] if o["kind"] == "label"]
    pixels = tifffile.imread(cluster_user.home / "results" / label["path"])
    assert pixels[16:32, 16:32].all()
    assert int(pixels.sum()) == 256
    (task,) = document["jobs"][-1]["tasks"]
    assert task["state"] == "COMPLETED"
    assert task["exit_code"] == 0
    assert task["usage"]["elapsed_s"] is not None
