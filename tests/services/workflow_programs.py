"""Runs the reference workflows as jobs do: by their command lines, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WORKFLOWS = Path(__file__).parents[2] / "workflows"

_SCRIPTS = {"nuclei-segmentation": "segment.py", "cell-expansion": "expand.py", "measure": "measure.py"}


def run_workflow(name: str, **flags: object) -> subprocess.CompletedProcess[str]:
    """Run a reference workflow to its end, each keyword as ``--keyword value``."""
    arguments = [word for flag, value in flags.items() for word in (f"--{flag}", str(value))]
    script = WORKFLOWS / name / _SCRIPTS[name]
    return subprocess.run(
        [sys.executable, script, *arguments], capture_output=True, text=True, timeout=240, check=False
    )
