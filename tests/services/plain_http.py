"""An Apptainer that trusts registries without encryption, as those of tests on loopback are."""

from __future__ import annotations

import shlex
from pathlib import Path


def plain_http_apptainer(apptainer: Path, folder: Path, *, before: str = "") -> Path:
    """Write a program named ``apptainer`` that is the real one, which asks registries over plain HTTP.

    Parameters
    ----------
    before
        A line of shell that runs first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "apptainer"
    program.write_text(
        f'#!/bin/sh\nexport APPTAINER_NOHTTPS=1\n{before}\nexec {shlex.quote(str(apptainer))} "$@"\n'
    )
    program.chmod(0o755)
    return program
