from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.ngff import NgffWriter
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.pyramids import PyramidSettings
from services.ngff import Write


@pytest.fixture(params=["0.4", "0.5"])
def settings(request: pytest.FixtureRequest) -> PyramidSettings:
    return PyramidSettings(version=request.param)


@pytest.fixture
def write(tmp_path: Path, settings: PyramidSettings) -> Write:
    def write_image(image: OpenImage, name: str = "image.ome.zarr", *, is_label: bool = False) -> Path:
        path = tmp_path / name
        NgffWriter().write(image, path, PyramidSettings(version=settings.version, is_label=is_label))
        return path

    return write_image
