"""Grows the labels in every TIFF label image of a folder into cells.

Example: ``python expand.py --infolder nuclei --outfolder cells --max_pixels 25``
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from cell_expansion.batch import NOTHING_TO_DO, for_each
from cell_expansion.images import (
    Image,
    UnsuitableImageError,
    images_by_stem,
    label_pixels,
    plane_spacing,
    read_image,
    stem,
    write_labels,
)
from cell_expansion.method import Cells, grow
from numpy.typing import NDArray


def main() -> int:
    """Run the program; return its exit status."""
    arguments = _parser().parse_args()
    arguments.outfolder.mkdir(parents=True, exist_ok=True)

    def work(path: Path) -> str:
        image = read_image(path)
        labels = label_pixels(image)
        cells, cytoplasm = np.zeros_like(labels), np.zeros_like(labels)
        for t, stack in enumerate(labels):
            grown = _grown(stack, image, arguments)
            cells[t], cytoplasm[t] = (part.reshape(stack.shape) for part in (grown.cells, grown.cytoplasm))
        write_labels(arguments.outfolder / f"{stem(path)}_cells.tif", cells, like=image)
        write_labels(arguments.outfolder / f"{stem(path)}_cytoplasm.tif", cytoplasm, like=image)
        before, after = (
            sum(len(np.unique(stack[stack > 0])) for stack in every) for every in (labels, cells)
        )
        return f"{after} cells from {before} labels"

    try:
        images = images_by_stem(arguments.infolder)
    except UnsuitableImageError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return NOTHING_TO_DO
    return for_each(list(images.values()), work)


def _grown(stack: NDArray[Any], image: Image, arguments: argparse.Namespace) -> Cells:
    is_flat = stack.shape[0] == 1
    return grow(
        stack[0] if is_flat else stack,
        max_pixels=arguments.max_pixels,
        discard_without_cytoplasm=arguments.discard_cells_without_cytoplasm,
        spacing=None if is_flat else (plane_spacing(image), 1.0, 1.0),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Grow labels into cells.", allow_abbrev=False)
    parser.add_argument("--infolder", type=_folder, required=True, help="folder with TIFF label images")
    parser.add_argument("--outfolder", type=Path, required=True, help="folder for the results")
    parser.add_argument("--max_pixels", type=_reach, default=25, help="how far a label grows at most")
    parser.add_argument(
        "--discard_cells_without_cytoplasm",
        type=_boolean,
        nargs="?",
        const=True,
        default=True,
        help="true or false: drop a cell that has no room to grow",
    )
    return parser


def _reach(text: str) -> int:
    if int(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return int(text)


def _boolean(text: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text} is neither true nor false")
    return known[text.lower()]


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
