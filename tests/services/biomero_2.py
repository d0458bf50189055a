"""The real BIOMERO 2.8.3, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.histories import Step
from services.packages import machine_lock

_FOLDER = Path(__file__).parents[2] / ".test-env" / "biomero-2.8.3"
_PROGRAM = Path(__file__).with_name("biomero_2_program.py")
# it asks for the driver's source, which wants a compiler; the built one is the same code
_PACKAGES = ("biomero==2.8.3", "psycopg2-binary>=2.9.12,<3", "setuptools")
_NO_SOURCE = "psycopg2; sys_platform == 'never'\n"


def ensure_environment() -> Path:
    """Return the interpreter of the environment, made once for all test runs."""
    python = _FOLDER / "bin" / "python"
    ready = _FOLDER / ".ready"
    with machine_lock():
        if not ready.is_file():
            uv = shutil.which("uv") or str(Path(sysconfig.get_path("scripts")) / "uv")
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_FOLDER))
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as override:
                override.write(_NO_SOURCE)
                override.flush()
                options = ("--quiet", "--python", str(python), "--override", override.name)
                _run(uv, "pip", "install", *options, *_PACKAGES)
            ready.touch()
    return python


def record(url: str, history: Sequence[Step], *, warm_up: int = 0) -> dict[str, Any]:
    """Play a history; return ``ids`` by name, ``seconds``, ``statements`` and ``events``.

    Parameters
    ----------
    warm_up
        How often it is played before, which is not counted.
    """
    return _ask({"url": url, "history": list(history), "warm_up": warm_up})


def read(url: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what scripts read from runs and tasks, by id."""
    return _ask({"url": url, "read": list(ids)})


def _ask(wanted: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        (str(ensure_environment()), str(_PROGRAM)),
        input=json.dumps(wanted) + "\n",
        capture_output=True,
        text=True,
        check=False,
        # its views keep moments of the session's zone; the containers that it ships in have UTC
        env={"PATH": os.environ["PATH"], "PGTZ": "UTC", "HOME": str(_FOLDER)},
    )
    if done.returncode != 0:
        raise RuntimeError(f"BIOMERO 2.8.3 failed: {done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[:3])} failed: {done.stderr[-2000:]}")
