"""Segments the nuclei in every TIFF image of a folder.

Example: ``python segment.py --infolder images --outfolder labels --min_area 30``
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from nuclei_segmentation.batch import for_each
from nuclei_segmentation.foreground import THRESHOLDS
from nuclei_segmentation.images import (
    Image,
    UnsuitableImageError,
    images_in,
    plane_spacing,
    read_image,
    write_labels,
)
from nuclei_segmentation.method import Labels, Settings, segment


def main() -> int:
    """Run the program; return its exit status."""
    arguments = _parser().parse_args()
    settings = Settings(
        min_area=arguments.min_area,
        diameter=arguments.diameter,
        smoothing=arguments.smoothing,
        threshold=arguments.threshold,
        threshold_factor=arguments.threshold_factor,
    )
    arguments.outfolder.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str | int | float]] = []

    def work(path: Path) -> str:
        image = read_image(path)
        labels = label_image(image, settings, channel=arguments.channel)
        write_labels(arguments.outfolder / path.name, labels, like=image)
        areas = np.concatenate([np.bincount(plane.ravel())[1:] for plane in labels])
        median = float(np.median(areas)) if areas.size else 0.0
        rows.append({"image": path.name, "n_objects": int(areas.size), "median_area": median})
        return f"{areas.size} nuclei, median {median:g} pixels"

    status = for_each(images_in(arguments.infolder), work)
    with (arguments.outfolder / "nuclei.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=["image", "n_objects", "median_area"])
        table.writeheader()
        table.writerows(rows)
    return status


def label_image(image: Image, settings: Settings, *, channel: int) -> Labels:
    """Segment one channel, each point in time by itself.

    Returns
    -------
    labels, shape (t, z, y, x)
    """
    channels = image.pixels.shape[1]
    if not 0 <= channel < channels:
        raise UnsuitableImageError(f"there is no channel {channel}; the image has 0 to {channels - 1}")
    labels = np.zeros(image.pixels[:, 0].shape, np.int32)
    for t, stack in enumerate(image.pixels[:, channel]):
        if stack.shape[0] == 1:
            labels[t, 0] = segment(stack[0], settings)
        else:
            labels[t] = segment(stack, settings, spacing=(plane_spacing(image), 1.0, 1.0))
    return labels


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Segment nuclei in fluorescence images.", allow_abbrev=False)
    parser.add_argument("--infolder", type=_folder, required=True, help="folder with TIFF images")
    parser.add_argument(
        "--outfolder", type=Path, required=True, help="folder for label images and nuclei.csv"
    )
    parser.add_argument("--channel", type=int, default=0, help="channel with the nuclei, counted from 0")
    parser.add_argument("--min_area", type=int, default=30, help="smallest nucleus, in pixels or voxels")
    parser.add_argument("--diameter", type=_not_negative, default=0.0, help="in pixels; 0: estimate")
    parser.add_argument(
        "--smoothing", type=_not_negative, default=0.0, help="fraction of the diameter; 0: default"
    )
    parser.add_argument("--threshold", choices=sorted(THRESHOLDS), default="otsu", help="method")
    parser.add_argument("--threshold_factor", type=_not_negative, default=1.0, help="larger finds less")
    return parser


def _not_negative(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is negative or no number")
    return value


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
