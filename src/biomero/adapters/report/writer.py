"""The report of a run: overlays and one page of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomero.adapters.report.page import render_page
from biomero.adapters.report.pictures import overlay_png
from biomero.application.ports.image_source import OpenImage
from biomero.application.run_document import RunDocument
from biomero.errors import ImageWriteError


class HtmlReport:
    """Writes the report with OpenCV and Jinja; see `ReportWriter`."""

    def write_overlay(self, image: OpenImage, labels: Sequence[OpenImage], path: Path) -> None:
        """See `ReportWriter.write_overlay`; the picture's longest edge has at most 2048 pixels."""
        _write(path, overlay_png(image, labels))

    def write_page(self, document: RunDocument, results: Path, path: Path) -> None:
        """See `ReportWriter.write_page`."""
        _write(path, render_page(document, results).encode())


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as exc:
        raise ImageWriteError(f"{path} cannot be written: {exc.strerror}") from exc
