"""Who reads on no longer, as ``head`` does, gets no message about it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from services.command import BIOMERO, User


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    with subprocess.Popen(
        [str(BIOMERO), "config", "reference"],
        env=User(home=tmp_path).env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        said = command.stderr.read()
        assert (command.wait(timeout=60), said) == (1, b"")
