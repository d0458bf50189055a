"""Images pulled from a real registry by a real Apptainer, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biomero.adapters.containers.image_script import ImageTool
from biomero.adapters.containers.pull_jobs import PullJobs
from biomero.adapters.containers.sif_store import SifStore
from biomero.adapters.local.scheduler import LocalScheduler
from biomero.adapters.local.shell import LocalShell
from biomero.adapters.local.transfer import LocalTransfer
from biomero.adapters.system import SystemClock
from biomero.application.ports.image_store import StoredImage, WantedImage
from biomero.domain.image_reference import ImageReference
from biomero.errors import BiomeroError, ContainerImageError, NoSpaceError
from services.disk import small_disk
from services.plain_http import plain_http_apptainer
from services.prepared import wait_until
from services.registry import Registry, layer_of

pytestmark = pytest.mark.apptainer

_LARGE = 32 << 20


def store_of(program: Path, *, scratch: Path | None = None, jobs: Path | None = None) -> SifStore:
    tool = ImageTool(executable=str(program), temporary_folder=str(scratch or ""), wait_s=120)
    shell = LocalShell()
    pulls = None
    if jobs is not None:
        pulls = PullJobs(shell=shell, scheduler=LocalScheduler(jobs), clock=SystemClock(), tool=tool)
    return SifStore(shell=shell, transfer=LocalTransfer(), tool=tool, jobs=pulls)


def wanted_of(images: Path, image: str, *, subfolder: str = "") -> WantedImage:
    reference = ImageReference.parse(image)
    return WantedImage(
        folder=str(images), names=reference.file_names, source=reference.address, subfolder=subfolder
    )


def only(found: list[StoredImage | BiomeroError]) -> StoredImage:
    (image,) = found
    assert isinstance(image, StoredImage), image
    return image


@pytest.fixture
def program(apptainer: Path, tmp_path: Path) -> Path:
    return plain_http_apptainer(apptainer, tmp_path / "bin")


@pytest.fixture
def large(image_registry: Registry, tiny_root: Path, tmp_path: Path) -> str:
    """An image that takes a while: some megabytes that do not shrink."""
    root = tmp_path / "large"
    shutil.copytree(tiny_root, root, symlinks=True)
    noise = random.Random(1)  # noqa: S311 - no secret
    (root / "work/noise").write_bytes(noise.randbytes(_LARGE))
    name = f"large/{tmp_path.name.replace('_', '-')}".lower()
    image_registry.push(name, "1.0", layer_of(root), {"Entrypoint": ["/bin/tiny", "large"]})
    return f"{image_registry.address}/{name}:1.0"


_FETCH = """
import sys
from integration.containers.test_sif_store import store_of, wanted_of, only
from pathlib import Path
program, scratch, images, image = sys.argv[1:]
only(store_of(Path(program), scratch=Path(scratch)).fetch([wanted_of(Path(images), image)]))
"""


def start_fetch(program: Path, scratch: Path, images: Path, image: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _FETCH, program, scratch, images, image],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )


def came(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except FileNotFoundError:  # a folder went while it was looked at
        return False


def runs(program: Path, image: str) -> str:
    done = subprocess.run([program, "run", image, "x"], capture_output=True, text=True, check=False)
    return done.stdout


def hidden(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.glob(".*") if not p.name.endswith(".lock"))


@pytest.mark.slow
def test_a_pull_killed_at_any_moment_leaves_no_image_and_the_next_one_is_whole(
    program: Path, large: str, tmp_path: Path
) -> None:
    images, scratch = tmp_path / "images", tmp_path / "scratch"
    wanted = wanted_of(images, large)
    work = images / f".{wanted.names[0]}.pull"
    moments: dict[str, Callable[[], bool]] = {
        "began": work.exists,
        "layers": lambda: any((work / "cache").rglob("blobs/sha256/*")),
        "unpacking": lambda: any(scratch.glob("biomero-pull-*/*/*")),
        "late": lambda: any(p.stat().st_size for p in scratch.glob("biomero-pull-*/**/*squash*")),
    }
    met = []
    for moment, has_come in moments.items():
        with start_fetch(program, scratch, images, large) as started:
            while started.poll() is None and not came(has_come):
                time.sleep(0.005)
            if started.poll() is None:
                met.append(moment)
            os.killpg(started.pid, signal.SIGKILL)
        if (images / wanted.names[0]).exists():
            break  # too late for this moment: the image was made, and is whole
        assert not list(images.glob("*.sif"))
    assert {"began", "layers"} <= set(met)
    image = only(store_of(program, scratch=scratch).fetch([wanted]))
    assert runs(program, image.path) == "<large>\n<x>\n"
    assert hidden(images) == []
    assert list(scratch.iterdir()) == []
    note = json.loads(Path(image.path).with_suffix(".json").read_text())
    assert note["digest"] == image.digest


@pytest.mark.slow
def test_layers_that_arrived_are_not_fetched_again(
    apptainer: Path, image_registry: Registry, large: str, tmp_path: Path
) -> None:
    # A tool that dies when it has fetched: its layers are in the cache, the image is not made
    dying = plain_http_apptainer(
        apptainer, tmp_path / "dying", before=_DIE_WITH_LAYERS.replace("{real}", str(apptainer))
    )
    images = tmp_path / "images"
    wanted = wanted_of(images, large)
    (failed,) = store_of(dying).fetch([wanted])
    assert isinstance(failed, ContainerImageError)
    assert hidden(images) == [f".{wanted.names[0]}.pull"]
    before = image_registry.sent()
    program = plain_http_apptainer(apptainer, tmp_path / "bin")
    assert only(store_of(program).fetch([wanted])).was_made
    # It begins to ask for the layer and hangs up when it sees that it has it: what was on its way is wasted
    assert image_registry.sent() - before < _LARGE / 2
    assert hidden(images) == []


_DIE_WITH_LAYERS = """
if [ "$1" = pull ]; then
  {real} "$@" &
  child=$!
  i=0
  while [ $i -lt 3000 ]; do
    [ "$(find "$APPTAINER_TMPDIR" -type f | head -n 1)" ] && break
    sleep 0.02
    i=$((i + 1))
  done
  kill -9 $child
  echo "killed on purpose" >&2
  exit 1
fi"""


def test_two_at_once_pull_once(program: Path, image_registry: Registry, large: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    before = image_registry.pulls()
    store = store_of(program)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: only(store.fetch([wanted_of(images, large)])), range(2)))
    assert image_registry.pulls() - before == 2  # its settings and its layer
    assert found[0] == found[1]
    assert sorted(image.was_made for image in found) == [False, True]


def test_images_come_by_jobs_all_that_can_be_had(
    program: Path, published: tuple[str, str], image_registry: Registry, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    name, digest = published
    said: list[str] = []
    store = store_of(program, jobs=tmp_path / "spool")
    wanted = [
        wanted_of(images, f"{name}:1.0", subfolder="one"),
        wanted_of(images, f"{image_registry.address}/lab/nothing:1.0"),
        wanted_of(images, f"{name}@{digest}"),
    ]
    first, missing, exact = store.fetch(wanted, show=lambda _, message: said.append(message))
    assert isinstance(first, StoredImage)
    assert first.was_made
    assert Path(first.path).parent == images / "one"
    assert isinstance(missing, ContainerImageError)
    assert "lab/nothing:1.0 cannot be pulled" in str(missing)
    assert isinstance(exact, StoredImage)
    assert exact.source == f"docker://{name}@{digest}"
    assert any("RUNNING" in words for words in said)
    assert hidden(images) == []
    again = store.fetch([wanted[0], wanted[2]])
    assert again == [first, exact]
    assert not any(image.was_made for image in again if isinstance(image, StoredImage))


@pytest.mark.slow
def test_a_job_of_an_earlier_attempt_is_waited_for_instead_of_another(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    images, spool = tmp_path / "images", tmp_path / "spool"
    gate = tmp_path / "gate"
    slow = plain_http_apptainer(
        apptainer, tmp_path / "bin", before=f"while [ ! -e '{gate}' ]; do sleep 0.1; done"
    )
    wanted = wanted_of(images, f"{published[0]}:1.0")
    scheduler = LocalScheduler(spool)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store_of(slow, jobs=spool).fetch, [wanted])
        wait_until(lambda: scheduler.load().jobs)
        second = pool.submit(store_of(slow, jobs=spool).fetch, [wanted])
        time.sleep(1)
        assert len(scheduler.load().jobs) == 1
        gate.touch()
        assert only(first.result()) == only(second.result())
    assert hidden(images) == []


@pytest.mark.parametrize("full", ["images", "scratch"])
def test_a_full_disk_is_named_and_nothing_is_left_on_it(
    program: Path, large: str, tmp_path: Path, full: str
) -> None:
    with small_disk(tmp_path / full, 24) as disk:
        images, scratch = tmp_path / "images", tmp_path / "scratch"
        (failed,) = store_of(program, scratch=scratch).fetch([wanted_of(images, large)])
        assert isinstance(failed, NoSpaceError), failed
        assert "make room" in str(failed)
        assert sum(p.stat().st_size for p in disk.rglob("*") if p.is_file()) < 100_000


def test_a_file_of_this_machine_is_sent_unless_it_is_there(
    program: Path, tiny_sif: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    images = tmp_path / "images"
    reference = ImageReference.parse(f"{published[0]}:1.0")
    store = store_of(program)
    pulled = only(store.fetch([wanted_of(images, f"{published[0]}:1.0")]))
    local = WantedImage(
        folder=str(images), names=reference.file_names, source=reference.address, file=tiny_sif
    )
    sent = only(store.fetch([local]))
    assert sent.was_made
    assert sent.path == pulled.path
    assert sent.source == f"file:{tiny_sif.name}"
    assert not only(store.fetch([local])).was_made
    # who asks for the address gets what the admin put there
    assert only(store.fetch([wanted_of(images, f"{published[0]}:1.0")])) == sent


def test_looking_pulls_nothing_and_makes_no_folder(program: Path, tmp_path: Path) -> None:
    store = store_of(program)
    assert store.find(wanted_of(tmp_path / "images", "localhost:1/lab/x:1.0")) is None
    assert store.files(str(tmp_path / "images")) == []
    assert not (tmp_path / "images").exists()


def test_the_files_in_folders_of_workflows_are_listed(program: Path, tmp_path: Path) -> None:
    for name in ("a_1.sif", "cellpose/b_v2.sif", "cellpose/deep/c_1.sif", "note_1.json", ".x_1.sif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(10))
    found = store_of(program).files(str(tmp_path))
    assert [(file.path, file.size) for file in found] == [("a_1.sif", 10), ("cellpose/b_v2.sif", 10)]


@pytest.mark.parametrize("subfolder", ["../out", "a/../../b", "a//b", "."])
def test_an_image_s_folder_stays_below_that_of_all(tmp_path: Path, subfolder: str) -> None:
    with pytest.raises(ContainerImageError, match="must stay below"):
        wanted_of(tmp_path, "a/b:1", subfolder=subfolder)
