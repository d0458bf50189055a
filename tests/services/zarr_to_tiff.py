"""The program that converts OME-Zarr to OME-TIFF, as tests run it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parents[2] / "workflows" / "zarr-to-tiff"
"""The workflow's folder."""


def load(module: str) -> ModuleType:
    """Import a module of the program, which is not part of the package."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(module)
    finally:
        sys.path.remove(str(FOLDER))


def run(
    infolder: Path, outfolder: Path, items: Mapping[str, str], *options: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run the program; return how it ended and what it reported of task 0."""
    work = outfolder.parent / "logs"
    work.mkdir(exist_ok=True)
    listing = work / "list.json"
    listing.write_text(json.dumps([{"source": s, "target": t} for s, t in items.items()]))
    folders = ["--infolder", str(infolder), "--outfolder", str(outfolder), "--report", str(work)]
    command = [sys.executable, str(FOLDER / "convert.py"), *folders, "--list", str(listing), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = work / "convert-0.json"
    return done, json.loads(report.read_text()) if report.exists() else []
