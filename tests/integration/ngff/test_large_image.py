from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "memory_large_image.py"


@pytest.mark.slow
def test_an_image_larger_than_the_memory_is_exported_staged_and_converted(tmp_path: Path) -> None:
    # One plane of 600 MB; no process may take 448 MiB, so that none can hold it whole.
    command = [sys.executable, str(BENCHMARK), "0.6", "--limit-mb", "448", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("  ok") == 4
    assert list(tmp_path.iterdir()) == []
