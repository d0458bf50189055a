"""What `biomero stats` says where its extra is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# a module that is None counts as not installed
_WITHOUT = (
    "import sys; sys.modules.update(pyarrow=None, matplotlib=None); "
    "from biomero.entrypoints.cli.main import main; main()"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "name"),
    [(("--plot", "x.png"), "matplotlib"), (("--parquet", "--out", "x"), "pyarrow")],
)
def test_a_missing_extra_is_named(tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT, "stats", *words],
        env={**os.environ, "BIOMERO_STATE": str(tmp_path / "state")},
        cwd=tmp_path,
        capture_output=True,
        check=False,
        text=True,
    )
    assert ended.returncode == 2
    assert f"needs {name}, which is not installed: pip install 'biomero[stats]'" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.glob("x*"))
