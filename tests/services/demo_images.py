"""The demo's images and their true labels, fetched once and kept for the next session."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fetch_images import IMAGES, TRUTH, fetch

_CACHE = Path(__file__).parents[2] / ".test-env" / "demo-images"


@pytest.fixture(scope="session")
def demo_images() -> Mapping[str, Path]:
    """Return the paths of all images of the demo and their truths, by file name."""
    return {path.name: path for path in fetch(_CACHE, IMAGES + TRUTH)}
