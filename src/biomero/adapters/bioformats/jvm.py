"""Starting and ending the process that holds the JVM."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from biomero.adapters.bioformats.jar import HOW_TO_GET_IT
from biomero.adapters.bioformats.protocol import receive, send
from biomero.errors import ImageReadError, UnsupportedImageError

_START_S = 60.0
_LIBRARIES = (
    "lib/server/libjvm.so",
    "lib/server/libjvm.dylib",
    "bin/server/jvm.dll",
    "jre/lib/server/libjvm.so",
)


def find_jvm(java: str) -> Path | None:
    """Return the library of the JVM that a ``java`` command runs; None if there is no such command."""
    command = shutil.which(java)
    if command is None:
        return None
    home = Path(command).resolve().parent.parent
    return next((home / library for library in _LIBRARIES if (home / library).is_file()), None)


class JvmProcess:
    """A child process with Bio-Formats in it, asked one thing at a time.

    Raises
    ------
    UnsupportedImageError
        If Java, jpype or the jar is not here: the message says how to get it.
    """

    def __init__(self, java: str, jar: Path | None, *, max_memory_mb: int) -> None:
        argv = _command(java, jar, max_memory_mb)
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._complaints
        )
        try:
            self._answer(timeout_s=_START_S)
        except ImageReadError as exc:
            self.end()
            raise UnsupportedImageError(f"Bio-Formats does not start: {exc}") from exc

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(self, question: str, *, timeout_s: float = 600.0, **details: Any) -> tuple[dict[str, Any], bytes]:  # noqa: ANN401
        """Ask and wait for the answer.

        Raises
        ------
        UnsupportedImageError
            If Bio-Formats does not know the format.
        ImageReadError
            If it cannot read the image, or the process died.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        try:
            send(self._process.stdin, {"ask": question, **details})
        except BrokenPipeError as exc:
            raise ImageReadError(f"the process of Bio-Formats has ended: {self._last_words()}") from exc
        answer, payload = self._answer(timeout_s=timeout_s)
        if "error" in answer:
            kind = UnsupportedImageError if answer["error"] == "unsupported" else ImageReadError
            raise kind(answer["message"])
        return answer, payload

    def end(self) -> None:
        """End the process; it ends by itself when its input does."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # it died with a question on its way
                    stream.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def _answer(self, *, timeout_s: float) -> tuple[dict[str, Any], bytes]:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        deadline = threading.Timer(timeout_s, self._process.kill)
        deadline.start()
        try:
            answer = receive(self._process.stdout)
        finally:
            deadline.cancel()
        if answer is None:
            raise ImageReadError(f"the process of Bio-Formats has ended: {self._last_words()}")
        return answer

    def _last_words(self) -> str:
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _command(java: str, jar: Path | None, max_memory_mb: int) -> tuple[str, ...]:
    if jar is None or not jar.is_file():
        raise UnsupportedImageError(f"Bio-Formats' jar is not here; get it with: {HOW_TO_GET_IT}")
    jvm = find_jvm(java)
    if jvm is None:
        raise UnsupportedImageError(
            f"Bio-Formats needs Java, and there is no {java!r}: install a JRE (Debian: default-jre-headless)"
        )
    if find_spec("jpype") is None:
        raise UnsupportedImageError('Bio-Formats needs the library jpype: pip install "biomero[bioformats]"')
    # -P: nothing in the folder where the user happens to be is imported
    return (
        *(sys.executable, "-P", "-m", "biomero.adapters.bioformats.child"),
        *(str(jvm), str(jar), str(max_memory_mb)),
    )
