"""What real clusters answered; made by `services.record_slurm`."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parents[3] / "fixtures" / "slurm"
VERSIONS = tuple(sorted(folder.name for folder in _FOLDER.iterdir()))


def recorded(version: str, name: str) -> str:
    """Return a recorded answer."""
    return (_FOLDER / version / f"{name}.txt").read_text()


def recorded_names(version: str, prefix: str) -> list[str]:
    """Return the names of recorded answers."""
    return sorted(path.stem for path in (_FOLDER / version).glob(f"{prefix}*.txt"))
