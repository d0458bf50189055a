"""A real RO-Crate validator, in an environment of its own: its pins are not ours.

It comes with the profiles that it checks. The one thing that it would fetch from the web is the context of
RO-Crate 1.1, which another package ships; it is put into the validator's cache, and the validator is told to
stay offline.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from services.packages import machine_lock

_VALIDATOR = "roc-validator==0.13.0"
_WITH_CONTEXT = "rocrate==0.11.0"
_CONTEXT_URL = "https://w3id.org/ro/crate/1.1/context"
_PROFILE = "process-run-crate-0.5"
_FOLDER = Path(__file__).parents[2] / ".test-env" / "crate-validator" / _VALIDATOR.partition("==")[2]

_FILL_CACHE = """
import io, sys
from requests.adapters import HTTPAdapter
from requests_cache import CachedSession
from urllib3 import HTTPResponse

class FromFile(HTTPAdapter):
    def send(self, request, **_):
        with open(sys.argv[2], "rb") as file:
            body = io.BytesIO(file.read())
        headers = {"Content-Type": "application/ld+json"}
        raw = HTTPResponse(body=body, status=200, headers=headers, preload_content=False)
        return self.build_response(request, raw)

session = CachedSession(sys.argv[1], backend="sqlite", expire_after=-1)
session.mount("https://", FromFile())
session.get(sys.argv[3]).raise_for_status()
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrateValidator:
    """Checks crates against RO-Crate 1.1 and the Process Run Crate profile 0.5."""

    folder: Path

    def complaints(self, crate: Path) -> str:
        """Return what the validator says of a crate that is not valid; empty where it is."""
        options = ("validate", "--profile-identifier", _PROFILE, "--requirement-severity", "required")
        offline = ("--offline", "--cache-path", str(self.folder / "http"), "--verbose", "--no-paging")
        done = subprocess.run(
            (_script(self.folder), "--no-interactive", "--disable-color", *options, *offline, str(crate)),
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr


def crate_validator() -> CrateValidator:
    """Return the validator, installed once for all test runs.

    Raises
    ------
    RuntimeError
        If it cannot be installed.
    """
    with machine_lock():
        _ensure()
    return CrateValidator(folder=_FOLDER)


def _ensure() -> None:
    ready = _FOLDER / "ready"
    if not ready.is_file():
        shutil.rmtree(_FOLDER, ignore_errors=True)
        _FOLDER.mkdir(parents=True)
        python = str(_FOLDER / "venv" / "bin" / "python")
        _run(_uv(), "venv", "--quiet", "--python", sys.executable, str(_FOLDER / "venv"))
        _run(_uv(), "pip", "install", "--quiet", "--python", python, _VALIDATOR)
        shipped = _FOLDER / "with-context"
        options = ("--quiet", "--no-deps", "--python", python, "--target", str(shipped))
        _run(_uv(), "pip", "install", *options, _WITH_CONTEXT)
        context = shipped / "rocrate" / "data" / "ro-crate.jsonld"
        _run(python, "-c", _FILL_CACHE, str(_FOLDER / "http"), str(context), _CONTEXT_URL)
        ready.touch()


def _script(folder: Path) -> str:
    return str(folder / "venv" / "bin" / "rocrate-validator")


def _uv() -> str:
    return shutil.which("uv") or str(Path(sys.executable).with_name("uv"))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"no RO-Crate validator: {' '.join(words[:3])} said {done.stderr[-2000:]}")
