"""A whole run through the documented calls, in the order in which the published scripts make them."""

from __future__ import annotations

import shutil
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import tifffile

from biomero import SlurmClient
from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.pyramids import PyramidSettings
from biomero.bootstrap import image_sources
from biomero.errors import InputError, UnsafePathError
from services.command import REPOSITORY, User
from services.container_fixtures import reachable_cache
from services.sif import build_workflow_sif
from services.slurm_lab import SlurmLab
from services.synthetic_nuclei import Scene, nuclei

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.sshd,
    pytest.mark.apptainer,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]

WORKFLOW = REPOSITORY / "workflows" / "nuclei-segmentation"
HOSTILE = "a b;$(touch pwned)'\"\n"


class Omero:
    """What scripts keep alive while they wait."""

    def __init__(self) -> None:
        self.kept_alive = 0

    def keepAlive(self) -> None:  # noqa: N802 - OMERO's name
        self.kept_alive += 1


@dataclass(frozen=True, kw_only=True)
class Facility:
    """A facility that has used BIOMERO before: its configuration file, and its folders on the cluster."""

    config: Path
    place: Path


@pytest.fixture
def facility(
    cluster_user: User, slurm_lab: SlurmLab, apptainer: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Facility]:
    built = build_workflow_sif(apptainer, WORKFLOW, reachable_cache() / "nuclei-segmentation.sif")
    place = slurm_lab.home / f"scripts-{cluster_user.home.name}"
    images = place / "images" / "nuclei"
    images.mkdir(parents=True)
    # As BIOMERO 2 called it: the second part of the image's name, and the version.
    shutil.copyfile(built, images / "nuclei-segmentation_v1.0.0.sif")
    for path in (place, *place.rglob("*")):
        shutil.chown(path, slurm_lab.user)
    config = cluster_user.home / "slurm-config.ini"
    config.write_text(
        "[SSH]\n"
        f"host = {slurm_lab.alias}\n"
        "[SLURM]\n"
        f"ssh_config = {slurm_lab.ssh_config}\n"
        f"slurm_data_path = {place.name}/data\n"
        f"slurm_images_path = {place.name}/images\n"
        f"slurm_converters_path = {place.name}/converters\n"
        f"slurm_script_path = {place.name}/scripts\n"
        f"container_executable = {apptainer}\n"
        "[ANALYTICS]\n"
        f"sqlalchemy_url = sqlite:///{cluster_user.home}/tracker.sqlite\n"
        "[WORKFLOWS]\n"
        "nuclei = nuclei\n"
        f"nuclei_repo = {WORKFLOW}\n"
        "nuclei_job = jobs/nuclei.sh\n"
        "nuclei_job_mem = 2G\n"
    )
    for name, value in cluster_user.env().items():
        monkeypatch.setenv(name, value)
    yield Facility(config=config, place=place)
    shutil.rmtree(place, ignore_errors=True)


def archive(folder: Path, name: str, images: dict[str, Path]) -> Path:
    """Write the zip of an export: an OME-Zarr store for each image, and the exporter's log."""
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for stem, image in images.items():
            store = folder / "export.zarr"
            with image_sources().open(image) as opened:
                NgffWriter().write(opened, store, PyramidSettings(version="0.4"))
            for file in (p for p in store.rglob("*") if p.is_file()):
                zipped.write(file, f"{stem}.zarr/{file.relative_to(store)}")
            shutil.rmtree(store)
        zipped.writestr("Batch_Image_Export.txt", "exported")
    return path


def nuclei_image(path: Path, seed: int) -> Path:
    pixels, _ = nuclei(Scene(), seed=seed)
    tifffile.imwrite(path, pixels)
    return path


def convert(client: SlurmClient, name: str, wf_id: UUID | None, home: Path) -> None:
    """Convert as the published script does."""
    omero = Omero()
    conversion = client.run_conversion_workflow_job(name, "zarr", "tiff", wf_id)
    assert conversion.ok
    conversion.slurm_polling_interval = 1
    assert conversion.wait_for_completion(client, omero) == "COMPLETED", conversion.get_error()
    assert conversion.completed()
    assert omero.kept_alive
    _, log, _ = client.get_conversion_logfile_from_slurm(str(conversion.job_id), str(home))
    assert Path(log).read_text().count("PROGRESS 1/1") == 2
    assert conversion.cleanup(client).ok


def wait(client: SlurmClient, job_id: int) -> str:
    """Ask as the published script does; it calls jobs by number and by text."""
    state = client.check_job_status([job_id])[0][job_id]
    while state in {"PENDING", "RUNNING"}:
        time.sleep(0.5)
        state = client.check_job_status([str(job_id)])[0][job_id]
    return state


def fetch(client: SlurmClient, job_id: int, folder: str) -> Path:
    """Fetch the results and clean up as the published scripts do."""
    location = client.extract_data_location_from_log(str(job_id))
    assert client.zip_data_on_slurm_server(location, f"{job_id}_out").ok
    client.copy_zip_locally(folder, f"{location}/{job_id}_out")
    for elsewhere in (location.rpartition("/")[0], "/etc"):
        with pytest.raises(UnsafePathError):
            client.cleanup_tmp_files(job_id, f"{job_id}_out", elsewhere)
    assert client.cleanup_tmp_files(job_id, f"{job_id}_out", location).ok
    assert not Path(location).exists()
    assert not Path(f"{location}.zip").exists()
    fetched = Path(folder) / f"{job_id}_out"
    with zipfile.ZipFile(f"{fetched}.zip") as zipped:
        zipped.extractall(fetched)
    return fetched


def by_run(user: User, lab: SlurmLab, images: list[Path]) -> dict[str, Path]:
    """Return the labels that ``biomero run`` makes, by the names of their images."""
    config = user.home / "run.ini"
    config.write_text("[SLURM]\nslurm_data_path = biomero/data\n")
    cluster = ("--cluster", lab.alias, "--ssh-config", str(lab.ssh_config), "--config", str(config))
    ended = User(home=user.home, cluster=cluster).run("nuclei-segmentation", images, "--runtime", "process")
    assert ended.code == 0, ended.stderr + ended.stdout
    labels = [o for o in ended.document["outputs"] if o["kind"] == "label"]
    return {Path(o["made_as"]).stem: user.home / "results" / o["path"] for o in labels}


def test_documented_calls_give_the_labels_of_a_run(
    facility: Facility, cluster_user: User, slurm_lab: SlurmLab
) -> None:
    home = cluster_user.home
    images = {"first": nuclei_image(home / "first.tif", 1), HOSTILE: nuclei_image(home / "second.tif", 2)}
    name = f"biomero_{HOSTILE.strip()}"
    with SlurmClient.from_config(configfile=str(facility.config)) as client:
        assert client.validate()
        assert client.get_image_versions_and_data_files("nuclei")[0] == ["v1.0.0"]
        wf_id = client.workflowTracker.initiate_workflow("nuclei", "a test", 1, 2)
        client.transfer_data(archive(home, name, images))
        assert client.unpack_data(name).ok
        convert(client, name, wf_id, home)
        result, job_id, wf_id, task_id = client.run_workflow(
            workflow_name="nuclei",
            workflow_version="v1.0.0",
            input_data=name,
            email="a@b.c;id>pwned;true",
            time="00:20:00",
            wf_id=wf_id,
        )
        assert result.ok
        assert client.extract_job_id(result) == job_id
        assert client.list_active_jobs()[0] == str(job_id)
        with pytest.raises(InputError, match="has not ended"):
            client.cleanup_tmp_files(job_id)
        state = wait(client, job_id)
        folder, log, _ = client.get_logfile_from_slurm(str(job_id), str(home))
        assert state == "COMPLETED", Path(log).read_text()
        assert client.get_active_job_progress(job_id) == "100%"
        assert client.list_completed_jobs()[0] == str(job_id)
        documented = fetch(client, job_id, folder)
        task = client.workflowTracker.repository.get(str(task_id))
        assert task is not None
        assert task.job_ids == [job_id]
        (ended,) = task.ended_jobs[job_id]
        assert ended["usage"]["allocated_cpus"] >= 1
        assert ended["usage"]["elapsed_s"] >= 0
    usage = cluster_user.here("stats", "--by", "group", "--config", str(facility.config), "--json").document
    (group,) = usage["groups"]
    # two conversions and the workflow
    assert (group["group"], group["jobs"], group["measured_jobs"]) == ("OMERO group 2", 3, 3)
    assert group["cpu_hours"] is not None
    assert group["efficiency"] is not None or group["wall_hours"] == 0
    expected = by_run(cluster_user, slurm_lab, list(images.values()))
    for stem, ours in (("first", "first"), (HOSTILE, "second")):
        labels = tifffile.imread(documented / f"{stem}.tif")
        assert labels.max() > 5
        assert np.array_equal(labels, tifffile.imread(expected[ours]))
    for place in (home, slurm_lab.home):
        assert not list(place.rglob("pwned"))


OWN_SCRIPT = """\
#!/bin/bash
#SBATCH --time=00:03:00
#SBATCH --mem=300M
set -euo pipefail
squeue --noheader --jobs="$SLURM_JOB_ID" --format=%l
echo "$DATA_PATH|$IMAGE_PATH|$SINGULARITY_IMAGE|$IMAGE_VERSION|$DIAMETER|$PWD"
echo done >"$DATA_PATH/data/out/done.txt"
"""


def test_a_job_script_of_the_facility_is_run_as_it_is(facility: Facility, slurm_lab: SlurmLab) -> None:
    scripts = facility.place / "scripts" / "jobs"
    scripts.mkdir(parents=True)
    (scripts / "nuclei.sh").write_text(OWN_SCRIPT)
    text = facility.config.read_text().replace("nuclei_job_mem = 2G\n", "")
    text = text.replace("[SLURM]\n", "[SLURM]\nslurm_script_repo = https://example.org/scripts\n")
    facility.config.write_text(text)
    path = archive(facility.config.parent, "set", {"a": nuclei_image(facility.config.parent / "a.tif", 1)})
    with SlurmClient.from_config(configfile=str(facility.config)) as client:
        client.transfer_data(path)
        client.unpack_data("set")
        _, job_id, _, _ = client.run_workflow("nuclei", "v1.0.0", "set", diameter=12.5)
        state = wait(client, job_id)
        _, log, _ = client.get_logfile_from_slurm(job_id, str(facility.config.parent))
        said = Path(log).read_text().splitlines()
        assert state == "COMPLETED", said
        place = facility.place
        assert said == [
            "3:00",
            f"{place}/data/set|{place.name}/images/nuclei|nuclei-segmentation_v1.0.0.sif|v1.0.0|12.5|{slurm_lab.home}",
        ]
        # the note of a job is gone: where it worked is asked of Slurm
        (place / "data/.jobs" / str(job_id)).unlink()
        assert client.extract_data_location_from_log(job_id) == f"{place}/data/set"
