"""The command line as a process of its own, as a user has it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from click.testing import CliRunner

from biomero.entrypoints.cli.main import main

BIOMERO = Path(sys.executable).parent / "biomero"
REPOSITORY = Path(__file__).resolve().parents[2]
THRESHOLD = REPOSITORY / "tests" / "fixtures" / "workflows" / "threshold"
LEVELS = REPOSITORY / "tests" / "fixtures" / "workflows" / "levels"
"""Needs an attached file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document that it printed."""
        loaded: dict[str, Any] = json.loads(self.stdout)
        return loaded


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user with a home for state, and the options that reach a cluster (none for this machine)."""

    home: Path
    cluster: Sequence[str] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def env(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "BIOMERO_STATE": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "COLUMNS": "200",
            **self.variables,
        }

    @contextlib.contextmanager
    def started(self, *words: str | Path) -> Iterator[subprocess.Popen[bytes]]:
        """Run the command beside the block, at the end of which it is killed if it has not ended."""
        argv = [str(BIOMERO), *map(str, words)]
        with subprocess.Popen(argv, env=self.env(), cwd=self.home) as process:
            try:
                yield process
            finally:
                process.kill()

    def biomero(self, *words: str | Path, timeout_s: float = 240) -> Ended:
        done = subprocess.run(
            [str(BIOMERO), *map(str, words)],
            env=self.env(),
            cwd=self.home,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
        return Ended(code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())

    def here(self, *words: str | Path) -> Ended:
        """Run the command in this process, which saves the time of its imports; for what ends at once."""
        with contextlib.chdir(self.home):
            done = CliRunner().invoke(main, [str(w) for w in words], env=dict(self.env()))
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(code=done.exit_code, stdout=done.stdout, stderr=done.stderr)

    def run(
        self, workflow: str | Path, images: Sequence[Path], *options: str | Path, out: str = "results"
    ) -> Ended:
        words = ["run", workflow, *images, "--out", self.home / out, "--json", *self.cluster, *options]
        return self.biomero(*words)


def image_file(path: Path, *, seed: int = 0, side: int = 64) -> Path:
    """Write an image with one bright square."""
    pixels = np.random.default_rng(seed).integers(0, 50, (side, side), dtype=np.uint16)
    pixels[side // 4 : side // 2, side // 4 : side // 2] = 1000
    tifffile.imwrite(path, pixels)
    return path
