"""Packing, fetching and cleaning up."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from biomero.application.script_api.clean_up import clean_up
from biomero.application.script_api.job_notes import data_location
from biomero.application.script_api.read_logs import fetch_log, job_progress
from biomero.application.script_api.results import copy_zip, zip_results
from biomero.application.script_api.run import WorkflowOrder, run_workflow
from biomero.errors import InputError, RemoteCommandError, TransferError, UnsafePathError
from services.command import image_file
from services.hostile_names import HOSTILE
from unit.application.script_api.conftest import World


@pytest.fixture
def folder(world: World) -> Path:
    pixels = image_file(world.folder / "cell.tif").read_bytes()
    return world.unpacked("set", {"cell.tif": pixels})


def submit(world: World, *, ends: bool = True) -> int:
    job = run_workflow(world.session, WorkflowOrder(workflow="threshold", version="latest", data="set"))
    if ends:
        world.end(job.job_id)
    return job.job_id


@pytest.mark.parametrize("tool", ["python3", "zip", None])
def test_results_come_back_as_they_were_written(world: World, folder: Path, tool: str | None) -> None:
    world.set(zip_command=tool)
    out = folder / "data/out"
    names = [n for n in HOSTILE if "\\" not in n and "\udcff" not in n]
    if tool == "zip":  # it does not say in which alphabet names are, so that readers guess
        names = [n for n in names if n.isascii() and n.isprintable()]
    for name in names:
        (out / name).write_bytes(name.encode())
    (out / "labels/deep").mkdir(parents=True)
    (out / "labels/deep/a.tif").write_bytes(b"x" * 100_000)
    (out / "empty").mkdir()
    packed = zip_results(world.session, str(folder), "12_out")
    assert packed == f"{folder}/12_out.zip"
    sent = copy_zip(world.session, world.folder / "here", f"{folder}/12_out")
    with zipfile.ZipFile(sent.local) as archive:
        found = {n.removeprefix("./"): archive.read(n) for n in archive.namelist() if not n.endswith("/")}
    assert found.pop("labels/deep/a.tif") == b"x" * 100_000
    assert found == {name: name.encode() for name in names}
    assert not list(world.folder.rglob("pwned"))
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("tool", ["python3", "zip"])
def test_a_workflow_cannot_have_other_files_packed(world: World, folder: Path, tool: str) -> None:
    world.set(zip_command=tool)
    (world.home / "secret").write_text("secret key")
    (folder / "data/out/stolen.tif").symlink_to(world.home / "secret")
    (folder / "data/out/all").symlink_to(world.home)
    (folder / "data/out/good.tif").write_bytes(b"good")
    packed = Path(zip_results(world.session, str(folder), "x"))
    assert b"secret key" not in packed.read_bytes()
    with zipfile.ZipFile(packed) as archive:
        assert "good.tif" in {n.removeprefix("./") for n in archive.namelist()}
        assert not any(b"secret key" in archive.read(n) for n in archive.namelist())


def test_places_outside_the_data_folder_are_refused(world: World, folder: Path) -> None:
    for place in (
        "/etc",
        str(world.home),
        f"{folder}/../..",
        f"{folder}/data",
        str(world.data),
        "$(touch pwned)",
    ):
        with pytest.raises(UnsafePathError):
            zip_results(world.session, place, "x")
    for name in ("../x", "a/b", "", ".."):
        with pytest.raises(UnsafePathError):
            zip_results(world.session, str(folder), name)
    for name in ("/etc/passwd", f"{folder}/../../x", "x"):
        with pytest.raises(UnsafePathError):
            copy_zip(world.session, world.folder, name)
    with pytest.raises(TransferError):
        copy_zip(world.session, world.folder, f"{folder}/missing")
    with pytest.raises(RemoteCommandError, match="there is no folder"):
        zip_results(world.session, f"{world.data}/nothing", "x")


def test_the_data_goes_with_its_last_job(world: World, folder: Path) -> None:
    first, second = submit(world), submit(world)
    zip_results(world.session, str(folder), f"{first}_out")
    removed = clean_up(
        world.session, str(first), filename=f"{folder}/{first}_out", data_location="scratch/data/set"
    )
    assert (removed.whole_folder, removed.reason) == (False, f"the results of job {second} are still in it")
    assert not (folder / f"{first}_out.zip").exists()
    assert not (folder / f"logs/omero-{first}.log").exists()
    assert (folder / "data/out/cell.tif").exists()
    assert clean_up(world.session, second, filename=f"{second}_out").whole_folder
    assert not folder.exists()
    assert not Path(f"{folder}.zip").exists()
    assert not list((world.data / ".jobs").iterdir())
    with pytest.raises(InputError, match="cleaned up already"):
        clean_up(world.session, second)


def test_nothing_is_removed_while_a_job_works_in_it(world: World, folder: Path) -> None:
    first, running = submit(world), submit(world, ends=False)
    with pytest.raises(InputError, match="has not ended"):
        clean_up(world.session, running)
    assert clean_up(world.session, first).reason == f"job {running} still works in it"
    assert folder.exists()


def test_only_what_belongs_to_the_job_is_removed(world: World, folder: Path) -> None:
    world.unpacked("other", {"a.tif": b"II*\0"})
    job = submit(world)
    outside = world.folder / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    (folder / "data/out/link").symlink_to(outside)
    places = (
        str(world.data / "other"),
        "/etc",
        str(world.data),
        "scratch/data/set/../other",
        f"{folder}/data",
    )
    for place in places:
        with pytest.raises(UnsafePathError):
            clean_up(world.session, job, data_location=place)
    for name in ("../other", "../../x", f"{world.data}/other/x", "/etc/x"):
        with pytest.raises(UnsafePathError):
            clean_up(world.session, job, filename=name)
    with pytest.raises(InputError):
        clean_up(world.session, 4711, data_location=str(world.data / "other"))
    assert (world.data / "other/data/in/a.tif").exists()
    clean_up(world.session, job)
    assert (outside / "precious").exists()
    assert (world.data / "other/data/in/a.tif").exists()


def test_progress_and_log_are_those_of_the_job(world: World, folder: Path) -> None:
    job = submit(world)
    log = folder / f"logs/omero-{job}.log"
    log.write_bytes(b"1%\n50%\n\xff 73% of it\n")
    assert job_progress(world.session, job) == "73%"
    log.write_text("PROGRESS 3/4\n")
    assert job_progress(world.session, str(job)) == "75%"
    log.write_text("99%\n" + "x\n" * 11)
    assert job_progress(world.session, job) is None
    assert job_progress(world.session, 4711) is None
    for logfile in (None, f"omero-{job}.log", str(log)):
        fetched = fetch_log(world.session, job, world.folder / "logs", logfile=logfile)
        assert Path(fetched.path).read_text() == log.read_text()
        assert Path(fetched.path).name == f"omero-{job}.log"
    for logfile in ("/etc/passwd", "../../etc/passwd", ".ssh", f"{folder}/../../../x"):
        with pytest.raises((UnsafePathError, InputError)):
            fetch_log(world.session, job, world.folder, logfile=logfile)


def test_in_a_folder_for_everybody_a_log_gets_one_of_its_own(world: World, folder: Path) -> None:
    job = submit(world)
    shared = world.folder / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / f"omero-{job}.log").symlink_to(world.home / "victim")
    fetched = fetch_log(world.session, job, shared)
    assert Path(fetched.folder).parent == shared
    assert stat.S_IMODE(Path(fetched.folder).stat().st_mode) == 0o700
    assert Path(fetched.path).read_text() == (folder / f"logs/omero-{job}.log").read_text()
    assert not (world.home / "victim").exists()


def test_where_a_cleaned_up_job_worked_is_not_invented(world: World, folder: Path) -> None:
    job = submit(world)
    clean_up(world.session, job)
    world.scheduler.forget(world.scheduler.submissions[0].key)
    with pytest.raises(InputError, match="cleaned up"):
        data_location(world.session, job)
    assert not folder.exists()
