"""Which of its addresses a worker in the same network tells OMERO."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from services.omero_account import STARTUP


@pytest.mark.parametrize(
    ("named", "towards", "told"),
    [
        (["10.0.1.5"], "10.0.1.5", "10.0.1.5"),
        (["10.0.2.5", "10.0.1.5"], "10.0.1.5", "10.0.1.5"),
        # what an administrator's name says counts, if it is no loopback
        (["10.0.2.5"], "10.0.1.5", "10.0.2.5"),
        (["10.0.2.5"], "", "10.0.2.5"),
        (["127.0.1.1"], "10.0.1.5", "10.0.1.5"),
        (["127.0.0.1"], "127.0.0.1", "127.0.0.1"),
        (["127.0.1.1"], "", "127.0.1.1"),
    ],
)
def test_the_address_that_leads_to_the_master_is_told(
    tmp_path: Path, named: list[str], towards: str, told: str
) -> None:
    lines = "".join(f"{address} STREAM worker\\n" for address in named)
    for program, prints in {"getent": lines, "python3": f"{towards}\\n"}.items():
        (tmp_path / program).write_text(f"#!/bin/sh\nprintf '{prints}'\n")
        (tmp_path / program).chmod(0o755)
    done = subprocess.run(
        ("bash", "-c", f". {STARTUP}/lib/worker.sh; own_address_of worker"),
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "MASTER_ADDRESS": "10.0.1.1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{told}\n"
