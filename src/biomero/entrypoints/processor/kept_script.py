"""A script of OMERO that runs on this worker: omero-py's process, with a keeper between it and the script."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import omero.processor

from biomero.application.script_settings import ScriptSettings
from biomero.entrypoints.processor import tree

OWNER = "BIOMERO_SCRIPT_OWNER"
"""The variable that marks processes of scripts with the name of their worker."""
_KILL_TIMEOUT_S = 10.0
_DAY_S = 86400


class Keeper(subprocess.Popen[bytes]):
    """The process of a keeper; takes what omero-py asks of its own class of processes."""

    def __init__(
        self, argv: Sequence[str], *, cwd: str, env: Mapping[str, str], stdout: Any, stderr: Any
    ) -> None:
        # the pipe is never written: the keeper sees its end when this process dies
        super().__init__(
            argv,
            cwd=cwd,
            env=env,
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def kill(self, group: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - omero-py's signature
        """End the script and all below it at once."""
        self.send_signal(signal.SIGQUIT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(_KILL_TIMEOUT_S)
            return
        # the keeper itself hangs; what is below it would be without one
        tree.send([*tree.below(self.pid), self.pid], signal.SIGKILL)


class KeptScript(omero.processor.ProcessI):  # type: ignore[misc] # omero-py has no types
    """See `omero.processor.ProcessI`, whose methods are called at the moments that its source says."""

    settings: ScriptSettings

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, Popen=Keeper, **options)

    def make_env(self) -> None:
        """Add what scripts may see."""
        super().make_env()
        for name, value in self.settings.forwarded(os.environ).items():
            self.env.set(name, value)
        self.env.set(OWNER, self.settings.name)

    def command(self) -> list[str]:
        """Put the keeper before the script."""
        words = [sys.executable, "-P", "-m", "biomero.entrypoints.processor.keeper"]
        words += [f"--time-limit-s={self.settings.time_limit_s}", f"--memory-mb={self.settings.memory_mb}"]
        # reading a script's parameters is short, and somebody waits for the form
        if self.settings.at_once and self.params is not None:
            turns = Path(self.dir).parent.parent / f"turns-{self.settings.name}"
            words += [f"--turns={turns}", f"--at-once={self.settings.at_once}"]
        return [*words, "--", *super().command()]

    def activate(self) -> None:
        """Start, and see the end when it comes: omero-py looks only when it is asked, or once a minute."""
        super().activate()
        threading.Thread(target=self._see_the_end, daemon=True).start()

    def _see_the_end(self) -> None:
        keeper = self.popen
        if keeper is not None:
            keeper.wait()
            self.poll()

    def poll(self, current: Any = None) -> Any:
        """Answer after what the script printed is in OMERO, also to the second who asks."""
        with self._lock:
            # any line that omero-py logs takes note of the end, and its poll() would then do nothing more
            if self.isFinished() and self.isActive():
                self.deactivate()
                self.allcallbacks("processFinished", self.rcode)
            return super().poll(current)

    def wait(self, current: Any = None) -> Any:
        """Wait without the lock, which others need to end the script."""
        keeper = self.popen
        if keeper is not None:
            keeper.wait()
        self.poll(current)
        return self.rcode

    def deactivate(self) -> None:
        """Do it once, whoever sees the end first."""
        with self._lock:
            if self.isActive():
                super().deactivate()

    def cancel(self, current: Any = None) -> Any:
        """Leave no gap between looking and signalling."""
        with self._lock:
            return super().cancel(current)

    def kill(self, current: Any = None) -> Any:
        """Likewise."""
        with self._lock:
            return super().kill(current)

    def cleanup_tmpdir(self) -> None:
        """Keep what the script printed."""
        if self.params is not None:
            keep_output(Path(self.dir), self.settings, job=str(self.properties["omero.job"]))
        super().cleanup_tmpdir()


def kept(process: type[Any], settings: ScriptSettings) -> type[Any]:
    """Return a class of omero-py's processes, whichever its server chose, under a keeper."""
    return type(f"Kept{process.__name__}", (KeptScript, process), {"settings": settings})


def keep_output(folder: Path, settings: ScriptSettings, *, job: str) -> None:
    """Copy what a script printed to where this worker keeps it; what was kept for long enough goes."""
    if settings.output_folder is None:
        return
    settings.output_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("out", "err"):
        with contextlib.suppress(FileNotFoundError):
            if (folder / name).stat().st_size:
                shutil.copyfile(folder / name, settings.output_folder / f"{job}.{name}")
    _forget_old_output(settings.output_folder, settings.output_days)


def _forget_old_output(folder: Path, days: int) -> None:
    oldest = time.time() - days * _DAY_S
    for file in folder.iterdir():
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()
