"""Every snippet of the documentation that is marked ``<!-- run -->`` runs, as a program of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.command import REPOSITORY
from services.slurm_lab import SlurmLab
from services.zipped_images import zip_of_cells

pytestmark = [pytest.mark.slurm, pytest.mark.sshd, pytest.mark.slow, pytest.mark.timeout(600)]

PAGES = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md")))
SNIPPET = re.compile(r"^<!-- run -->\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = {"python": (sys.executable, "-c"), "sh": ("sh", "-euc")}


@dataclass(frozen=True, slots=True)
class Snippet:
    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)}:{self.line}"


def snippets() -> Iterator[Snippet]:
    for page in PAGES:
        text = page.read_text()
        for found in SNIPPET.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Snippet(page, line, found["language"], found["text"])


SNIPPETS = list(snippets())


@pytest.fixture
def home(tmp_path: Path, slurm_lab: SlurmLab) -> Path:
    """Return the home of a reader of the documentation: settings that lead to the cluster, and a zip."""
    place = f"biomero-docs/{uuid.uuid4().hex[:8]}"
    (tmp_path / "slurm-config.ini").write_text(
        f"[SSH]\nhost = {slurm_lab.alias}\n"
        f"[SLURM]\nssh_config = {slurm_lab.ssh_config}\nslurm_data_path = {place}/data\n"
        f"slurm_images_path = {place}/images\nslurm_converters_path = {place}/converters\n"
        f"slurm_script_path = {place}/scripts\n"
        "[WORKFLOWS]\nremove = *\n"
    )
    return tmp_path


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[s.name for s in SNIPPETS])
def test_the_snippet_runs(snippet: Snippet, home: Path) -> None:
    zip_of_cells(home / "cells.zip")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "BIOMERO_STATE": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "LANG": "C.UTF-8",
    }
    ended = subprocess.run(
        [*COMMANDS[snippet.language], snippet.text],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert ended.returncode == 0, f"{snippet.name}\n{ended.stdout}\n{ended.stderr}"


def test_the_documentation_has_snippets() -> None:
    assert {s.language for s in SNIPPETS} == {"python", "sh"}
    assert len(SNIPPETS) >= 7
