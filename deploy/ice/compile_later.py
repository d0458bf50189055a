"""A compiler that notes what to compile, and compiles all of it at once when it is asked to link.

setuptools compiles the files of an extension one by one. Named as ``CC`` and ``CXX`` (followed by the real
compiler), this program lets several processors work on them without changing setuptools or the sources.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = "COMPILE_LATER_FOLDER"
"""The variable that names the folder for notes."""
JOBS = "COMPILE_LATER_JOBS"
"""The variable that says how many compilers may run at once."""


def main(argv: list[str]) -> int:
    """Note a command that compiles; else compile what was noted, and run the command."""
    notes = Path(os.environ[FOLDER])
    if "-c" in argv:
        (notes / f"{uuid.uuid4().hex}.json").write_text(json.dumps({"argv": argv, "cwd": str(Path.cwd())}))
        return 0
    noted = sorted(notes.glob("*.json"))
    with ThreadPoolExecutor(int(os.environ[JOBS])) as pool:
        codes = list(pool.map(_compile, noted))
    if any(codes):
        return 1
    for note in noted:
        note.unlink()
    return subprocess.run(argv, check=False).returncode


def _compile(note: Path) -> int:
    command = json.loads(note.read_text())
    return subprocess.run(command["argv"], cwd=command["cwd"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
