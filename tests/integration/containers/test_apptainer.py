"""What only a real Apptainer and a real registry can show."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biomero.adapters.containers.apptainer import ApptainerRuntime
from biomero.adapters.local.shell import LocalShell
from biomero.errors import ContainerImageError
from services.container_fixtures import reachable_cache
from services.prepared import run_prepared, wait_until
from services.registry import Registry, layer_of
from services.sif import build_workflow_sif
from services.tiny_workflow import tiny_workflow
from services.users import UnprivilegedUser, UserShell

pytestmark = pytest.mark.apptainer

_PLAIN_HTTP = {"APPTAINER_NOHTTPS": "1"}


def _runtime(apptainer: Path, images: Path) -> ApptainerRuntime:
    return ApptainerRuntime(LocalShell(), str(images), executable=str(apptainer), environment=_PLAIN_HTTP)


def test_an_image_is_pulled_once_and_described(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    shell = LocalShell()
    images = tmp_path / "images"
    runtime = ApptainerRuntime(shell, str(images), executable=str(apptainer), environment=_PLAIN_HTTP)
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0")
    first = runtime.prepare(workflow)
    assert shell.counts.commands == 1
    [image] = images.glob("*.sif")
    changed = image.stat().st_mtime_ns
    assert runtime.prepare(workflow) == first
    assert image.stat().st_mtime_ns == changed
    note = json.loads(image.with_suffix(".json").read_text())
    assert (note["digest"], note["source"]) == (first.identity, f"docker://{name}:1.0")
    assert not list(images.glob(".*.pull"))


def test_a_digest_names_one_image_even_beside_a_tag(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, digest = published
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0@{digest}")
    prepared = _runtime(apptainer, tmp_path / "images").prepare(workflow)
    assert run_prepared(prepared, workflow).stdout == "<fixed>\n"


def test_a_repository_s_version_is_the_tag(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    workflow = tiny_workflow(
        tmp_path / "workflow", image=name, reference="https://github.com/org/W_x/tree/1.0", version="1.0"
    )
    _runtime(apptainer, tmp_path / "images").prepare(workflow)
    assert len(list((tmp_path / "images").glob("*_1.0.sif"))) == 1


def test_an_entry_point_from_docker_does_not_evaluate_arguments(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0")
    prepared = _runtime(apptainer, tmp_path / "images").prepare(workflow, binds=(str(tmp_path),))
    hostile = (f"$(touch {tmp_path}/pwned)", f"`touch {tmp_path}/pwned`", "'\"\\", "")
    done = run_prepared(prepared, workflow, *hostile)
    assert done.stdout == "<fixed>\n" + "".join(f"<{argument}>\n" for argument in hostile), done.stderr
    assert not (tmp_path / "pwned").exists()


def test_a_named_program_starts_in_the_image_s_working_folder(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0", program=("pwd",))
    prepared = _runtime(apptainer, tmp_path / "images").prepare(workflow, entry_point=False)
    assert not prepared.runs_entry_point
    assert run_prepared(prepared, workflow).stdout == "/work\n"


def test_two_pulls_at_once_are_one(
    apptainer: Path, image_registry: Registry, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0")
    runtime = _runtime(apptainer, tmp_path / "images")
    before = image_registry.pulls()
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(lambda _: runtime.prepare(workflow), range(4)))
    # An image of one layer is two downloads: its settings and the layer
    assert image_registry.pulls() - before == 2
    assert len(set(prepared)) == 1


_PREPARE = """
import sys
from pathlib import Path
from services.tiny_workflow import tiny_workflow
from biomero.adapters.containers.apptainer import ApptainerRuntime
from biomero.adapters.local.shell import LocalShell
folder, image, executable = sys.argv[1:]
workflow = tiny_workflow(Path(folder) / "workflow", image=image)
ApptainerRuntime(LocalShell(), f"{folder}/images", executable=executable).prepare(workflow)
"""


def test_a_pull_that_was_killed_leaves_nothing_that_counts(
    apptainer: Path, published: tuple[str, str], tmp_path: Path
) -> None:
    name, _ = published
    images = tmp_path / "images"
    started = subprocess.Popen(
        [sys.executable, "-c", _PREPARE, tmp_path, f"{name}:1.0", apptainer],
        env={**os.environ, **_PLAIN_HTTP, "PYTHONPATH": str(Path(__file__).parents[2])},
        start_new_session=True,
    )
    wait_until(lambda: _runs_in_group(started.pid, b"pull"))
    os.killpg(started.pid, signal.SIGKILL)
    started.wait(timeout=30)
    assert not list(images.glob("*.sif"))
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0")
    prepared = _runtime(apptainer, images).prepare(workflow)
    assert run_prepared(prepared, workflow).stdout == "<fixed>\n"
    assert not list(images.glob(".*.pull"))


def _runs_in_group(group: int, word: bytes) -> bool:
    """Tell whether a process of the group has a word on its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(entry.name)) == group and word in (entry / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False


def test_an_image_that_cannot_be_pulled_is_named_with_what_to_do(
    apptainer: Path, image_registry: Registry, tmp_path: Path
) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{image_registry.address}/lab/nothing:1.0")
    with pytest.raises(ContainerImageError, match=r"lab/nothing:1\.0 cannot be pulled.*put the image there"):
        _runtime(apptainer, tmp_path / "images").prepare(workflow)
    assert not list((tmp_path / "images").glob("*.sif"))


def test_images_of_one_name_from_two_registries_are_kept_apart(
    apptainer: Path, image_registry: Registry, tiny_root: Path, tmp_path: Path
) -> None:
    layer = layer_of(tiny_root)
    runtime = _runtime(apptainer, tmp_path / "images")
    said = []
    for lab in ("first", "second"):
        image_registry.push(f"{lab}/same", "1.0", layer, {"Entrypoint": ["/bin/tiny", lab]})
        workflow = tiny_workflow(tmp_path / lab, image=f"{image_registry.address}/{lab}/same:1.0")
        said += [run_prepared(runtime.prepare(workflow), workflow).stdout for _ in range(2)]
    assert said == ["<first>\n"] * 2 + ["<second>\n"] * 2


def test_an_image_of_an_earlier_version_s_folders_is_found(
    apptainer: Path, tiny_sif: Path, tmp_path: Path
) -> None:
    nested = tmp_path / "images/cellpose"
    nested.mkdir(parents=True)
    shutil.copy(tiny_sif, nested / "w_tiny_v1.2.sif")
    workflow = tiny_workflow(tmp_path / "workflow", image="localhost:1/w_tiny:v1.2")
    prepared = _runtime(apptainer, tmp_path / "images").prepare(workflow)
    assert run_prepared(prepared, workflow, "x").stdout == "<x>\n"


@pytest.mark.parametrize("size", [0, 60, 40_000])
def test_an_image_that_is_not_whole_is_refused(
    apptainer: Path, tiny_sif: Path, tmp_path: Path, size: int
) -> None:
    broken = tmp_path / "broken.sif"
    broken.write_bytes(tiny_sif.read_bytes()[:size])
    runtime = ApptainerRuntime(
        LocalShell(), str(tmp_path), executable=str(apptainer), image_override=str(broken)
    )
    with pytest.raises(ContainerImageError, match=r"broken\.sif is not a whole SIF image; remove it"):
        runtime.prepare(tiny_workflow(tmp_path / "workflow"))


def test_an_image_is_given_by_its_path(apptainer: Path, tiny_sif: Path, tmp_path: Path) -> None:
    image = tmp_path / "a b;$(touch pwned)'.sif"
    shutil.copy(tiny_sif, image)
    runtime = ApptainerRuntime(
        LocalShell(), str(tmp_path / "images"), executable=str(apptainer), image_override=str(image)
    )
    workflow = tiny_workflow(tmp_path / "workflow", image="ghcr.io/another/one:1")
    assert run_prepared(runtime.prepare(workflow), workflow, "x", folder=tmp_path).stdout == "<x>\n"
    assert not (tmp_path / "images").exists()
    assert not list(tmp_path.rglob("pwned"))


def test_a_path_with_nothing_there_makes_no_folders(apptainer: Path, tmp_path: Path) -> None:
    runtime = ApptainerRuntime(
        LocalShell(), "images", executable=str(apptainer), image_override=str(tmp_path / "typo/x.sif")
    )
    with pytest.raises(ContainerImageError, match=r"no image .*typo/x\.sif on the cluster"):
        runtime.prepare(tiny_workflow(tmp_path / "workflow"))
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    "image", ["$(touch pwned)", "a;touch pwned", "--help", "a b", "../../etc/passwd", "x\ny"]
)
def test_hostile_image_names_reach_no_shell(apptainer: Path, tmp_path: Path, image: str) -> None:
    shell = LocalShell()
    runtime = ApptainerRuntime(shell, str(tmp_path / "images"), executable=str(apptainer))
    with pytest.raises(ContainerImageError, match="not the name of a container image"):
        runtime.prepare(tiny_workflow(tmp_path / "workflow", image=image))
    assert shell.counts.commands == 0


def test_a_missing_runtime_is_said(tmp_path: Path) -> None:
    runtime = ApptainerRuntime(LocalShell(), str(tmp_path / "images"), executable="/nowhere/singularity")
    with pytest.raises(ContainerImageError, match="/nowhere/singularity is not where the cluster pulls"):
        runtime.prepare(tiny_workflow(tmp_path / "workflow", image="localhost:1/x:1"))


def test_modules_bring_the_runtime(apptainer: Path, tiny_sif: Path, tmp_path: Path) -> None:
    # A login shell knows modules by its profile; this one has a module system of one line
    profile = f'module() {{ [ "$2" = tools/apptainer ] && PATH={apptainer.parent}:$PATH; }}\n'
    (tmp_path / ".bash_profile").write_text(profile)
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    runtime = ApptainerRuntime(
        LocalShell(env=home), "", modules=("tools/apptainer",), image_override=str(tiny_sif)
    )
    workflow = tiny_workflow(tmp_path / "workflow")
    done = run_prepared(runtime.prepare(workflow), workflow, "x", env=home)
    assert done.stdout == "<x>\n", done.stderr


def test_a_user_without_rights_pulls_and_runs_below_the_home_folder(
    apptainer: Path, published: tuple[str, str], user: UnprivilegedUser, tmp_path: Path
) -> None:
    name, _ = published
    runtime = ApptainerRuntime(
        UserShell(user), "scratch/images", executable=str(apptainer), environment=_PLAIN_HTTP
    )
    workflow = tiny_workflow(tmp_path / "workflow", image=f"{name}:1.0")
    out = user.home / "runs/1/out"
    subprocess.run(user.words("mkdir", "-p", str(out)), check=True)
    (user.home / "private").write_text("private")
    prepared = runtime.prepare(workflow, binds=(str(out.parent),))
    done = run_prepared(prepared, workflow, around=user.words, folder=user.home)
    assert done.stdout == "<fixed>\n", done.stderr
    listing = tiny_workflow(tmp_path / "list", image=f"{name}:1.0", program=("sh", "-c"))
    prepared = runtime.prepare(listing, binds=(str(out.parent),), entry_point=False)
    script = f"echo x >{out}/made; echo x >$HOME/mine; cd; pwd; echo *; df -k /tmp | grep -c tmpfs"
    done = run_prepared(prepared, listing, script, around=user.words, folder=user.home)
    # The account's own files are not seen, and what is temporary is not kept in memory
    assert done.stdout == "/home/job\nmine\n0\n", done.stderr
    assert (out / "made").read_text() == "x\n"
    assert not (user.home / "mine").exists()


def test_what_is_temporary_is_removed_with_the_job(
    apptainer: Path, tiny_sif: Path, user: UnprivilegedUser, tmp_path: Path
) -> None:
    runtime = ApptainerRuntime(
        LocalShell(), str(tmp_path), executable=str(apptainer), image_override=str(tiny_sif)
    )
    temporary = user.home / "tmp"
    temporary.mkdir()
    workflow = tiny_workflow(tmp_path / "workflow")
    done = run_prepared(
        runtime.prepare(workflow), workflow, "--write", "/tmp/large", env={"TMPDIR": str(temporary)}
    )
    assert done.returncode == 0, done.stderr
    assert not list(temporary.iterdir())


def test_of_the_job_s_environment_only_its_share_of_the_node_is_seen(
    apptainer: Path, tiny_sif: Path, tmp_path: Path
) -> None:
    runtime = ApptainerRuntime(
        LocalShell(), str(tmp_path), executable=str(apptainer), image_override=str(tiny_sif)
    )
    workflow = tiny_workflow(tmp_path / "workflow", program=("env",))
    prepared = runtime.prepare(workflow, entry_point=False)
    outside = {"CUDA_VISIBLE_DEVICES": "1", "SECRET_TOKEN": "secret", "SLURM_JOB_ID": "7"}
    seen = run_prepared(prepared, workflow, env=outside).stdout.splitlines()
    assert {"CUDA_VISIBLE_DEVICES=1", "SLURM_JOB_ID=7"} <= set(seen)
    assert not [line for line in seen if "secret" in line]


def test_images_that_belong_to_others_are_used_as_they_are(
    apptainer: Path, tiny_sif: Path, user: UnprivilegedUser, tmp_path: Path
) -> None:
    images = user.home.parent / "images"
    images.mkdir()
    shutil.copy(tiny_sif, images / "tiny_1.0.sif")
    runtime = ApptainerRuntime(UserShell(user), str(images), executable=str(apptainer))
    workflow = tiny_workflow(tmp_path / "workflow", image="localhost:1/tiny:1.0")
    images.chmod(0o555)
    prepared = runtime.prepare(workflow)
    assert run_prepared(prepared, workflow, "x", around=user.words, folder=user.home).stdout == "<x>\n"


@pytest.mark.slow
def test_a_workflow_in_python_runs_from_an_image_of_its_folder(
    apptainer: Path, user: UnprivilegedUser, tmp_path: Path
) -> None:
    workflow = tiny_workflow(tmp_path / "workflow", requirements="numpy>=2\n")
    (workflow.folder / "tiny.py").write_text("import numpy, sys; print(numpy.arange(int(sys.argv[1])).sum())")
    image = build_workflow_sif(
        apptainer, workflow.folder, user.home.parent / "python.sif", cache=reachable_cache() / "python-base"
    )
    assert image.stat().st_size < 300_000_000
    runtime = ApptainerRuntime(
        UserShell(user), "images", executable=str(apptainer), image_override=str(image)
    )
    for entry_point in (True, False):
        prepared = runtime.prepare(workflow, entry_point=entry_point)
        done = run_prepared(prepared, workflow, "5", around=user.words, folder=user.home)
        assert done.stdout == "10\n", done.stderr
