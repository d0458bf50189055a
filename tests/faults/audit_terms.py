"""What the auditor is told, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A run as somebody asked for it.

    Parameters
    ----------
    may_end
        The statuses that are right for it in the end.
    bad_images
        Images that are no images; nothing can come of them.
    doubtful_images
        Images that may have failed.
    keeps_folder
        Its folder on the cluster stays.
    """

    run_id: str
    images: tuple[Path, ...]
    results: Path
    may_end: frozenset[str] = frozenset({"done"})
    bad_images: frozenset[Path] = frozenset()
    doubtful_images: frozenset[Path] = frozenset()
    keeps_folder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as promised."""

    run_id: str
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.run_id[:8]} {self.code}: {self.text}"


def finding(run: Accepted, code: str, text: str) -> Finding:
    """Return something that is wrong with a run."""
    return Finding(run_id=run.run_id, code=code, text=text)


def belongs(key: str, run: Accepted) -> bool:
    """Say whether a job of that name is one of a run."""
    return key.startswith(f"biomero-{run.run_id}-")
