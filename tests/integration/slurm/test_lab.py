"""The cluster that the tests start leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.processes import wait_until, with_environment
from services.slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm
_START = """
import os, sys
from pathlib import Path
from services.slurm_lab import SlurmLab
SlurmLab(Path(sys.argv[1]), accounting=False).start(guarded=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # a guard whose last act is to tidy up may be at it in the same folder
    with tempfile.TemporaryDirectory(prefix="biomero-slurm-", ignore_cleanup_errors=True) as parent:
        Path(parent).chmod(0o755)
        yield Path(parent) / "lab"


def processes_of(folder: Path) -> list[int]:
    return with_environment(f"SLURM_CONF={folder}/etc/slurm.conf")


def test_stopping_ends_jobs_that_hide(folder: Path) -> None:
    lab = SlurmLab(folder, accounting=False)
    lab.start()
    try:
        hide = "(setsid sleep 987 >/dev/null 2>&1 &); touch hidden; sleep 987"
        lab.run_as_user(["sh", "-c", 'mkdir "$1"', "sh", f"hide-{os.getpid()}"])
        chdir = f"--chdir={lab.home}/hide-{os.getpid()}"
        lab.run_as_user(["sbatch", chdir, f"--wrap={hide}"])
        wait_until((lab.home / f"hide-{os.getpid()}" / "hidden").exists, "the job runs")
        assert processes_of(folder)
    finally:
        lab.run_as_user(["rm", "-r", f"hide-{os.getpid()}"])
        lab.stop()
    assert processes_of(folder) == []
    lab.stop()


def test_a_lab_whose_starter_was_killed_is_stopped(folder: Path) -> None:
    argv = [sys.executable, "-c", _START, str(folder)]
    done = subprocess.run(argv, cwd=Path(__file__).parents[2], check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: processes_of(folder) == [], "the guard stops the lab", timeout_s=60)
    wait_until(lambda: not list(folder.glob("run/*.pid")), "every daemon is accounted for")
