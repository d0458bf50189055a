"""Works through a folder of images: progress, and a damaged one does not stop the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

SOME_FAILED = 3
NOTHING_TO_DO = 2


def for_each(images: Sequence[Path], work: Callable[[Path], str]) -> int:
    """Work on each image and report on standard output.

    Parameters
    ----------
    work
        Returns what is to be said of the image.

    Returns
    -------
    exit status
        0; `SOME_FAILED` if an image could not be worked on, and all others were; `NOTHING_TO_DO`.
    """
    if not images:
        print("ERROR: the input folder holds no .tif or .tiff files", file=sys.stderr)
        return NOTHING_TO_DO
    failed = []
    for number, image in enumerate(images, start=1):
        try:
            print(f"{image.name}: {work(image)}")
        except Exception as error:  # noqa: BLE001 - the outermost loop: report on this image, go on with the next
            failed.append(image.name)
            print(f"ERROR: {image.name}: {type(error).__name__}: {error}", file=sys.stderr)
        print(f"PROGRESS {number}/{len(images)}", flush=True)
    if failed:
        print(
            f"FAILED {len(failed)} of {len(images)} images: {', '.join(failed)}", file=sys.stderr, flush=True
        )
    return SOME_FAILED if failed else 0
