"""Showing people what a run did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from biomero.application.ports.image_source import OpenImage
from biomero.application.run_document import RunDocument


class ReportWriter(Protocol):
    """Makes pictures of images with their labels, and the page about a run."""

    def write_overlay(self, image: OpenImage, labels: Sequence[OpenImage], path: Path) -> None:
        """Write a PNG of an image with the outlines of its labels.

        Channels are put together in their colours; a stack is shown by its brightest pixels along z (a very
        large one by its middle plane), a time series by its first time point. Large images are shown smaller.
        Memory is bounded, whatever the images' size. The file at `path` is replaced.

        Parameters
        ----------
        labels
            Label images, each of the image's (y, x).

        Raises
        ------
        ImageReadError
            If pixels of one of the images are damaged.
        ImageWriteError
            If the picture cannot be written.
        """
        ...

    def write_page(self, document: RunDocument, results: Path, path: Path) -> None:
        """Write one page of HTML, to be opened from the results folder, that needs nothing else to be shown.

        Pictures are those of the outputs of kind overlay; one that is missing in `results` is left out.

        Raises
        ------
        ImageWriteError
            If the page cannot be written.
        """
        ...
