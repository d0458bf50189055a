"""What one process at a time may do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from biomero.adapters.system import only_one
from biomero.errors import WorkerRunningError

_HOLDS = """
import sys, time
from pathlib import Path
from biomero.adapters.system import only_one
with only_one(Path(sys.argv[1]), what="a worker"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_second_one_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "x.worker"
    told = pytest.raises(WorkerRunningError, match=f"a worker for x already .process {os.getpid()}")
    with only_one(file, what="a worker for x"), told, only_one(file, what="a worker for x"):
        pass
    with only_one(file, what="a worker for x"):
        pass


def test_who_was_killed_is_in_nobody_s_way(tmp_path: Path) -> None:
    file = tmp_path / "x.worker"
    holder = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", sys.executable, "-c", _HOLDS, str(file)], stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(WorkerRunningError), only_one(file, what="a worker"):
            pass
        holder.kill()
        holder.wait()
    with only_one(file, what="a worker"):
        pass
