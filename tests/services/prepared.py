"""Running what a container runtime prepared, as a job script would."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from biomero.application.compose_command import compose_command
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.workflows import Workflow


def run_prepared(
    prepared: PreparedProgram,
    workflow: Workflow,
    *arguments: str,
    env: dict[str, str] | None = None,
    around: Callable[..., tuple[str, ...]] = lambda *words: words,
    folder: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a prepared program with arguments; `around` may put something before the command."""
    words = compose_command(prepared, program=workflow.descriptor.command_line, arguments=arguments)
    return subprocess.run(
        around(*words),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **dict(prepared.env), **(env or {})},
    )


def wait_until(condition: Callable[[], object], *, timeout_s: float = 60.0) -> None:
    """Wait until a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not come about")
        time.sleep(0.02)
