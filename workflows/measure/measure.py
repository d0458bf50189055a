"""Measures the labels of every TIFF image of a folder, into one table.

Example: ``python measure.py --infolder images --labels labels --outfolder results``
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path

import numpy as np
from label_measurements.batch import NOTHING_TO_DO, for_each
from label_measurements.images import (
    Image,
    UnsuitableImageError,
    images_by_stem,
    label_pixels,
    plane_spacing,
    read_image,
    stem,
)
from label_measurements.intensity import measure_intensities
from label_measurements.lengths import pixel_lengths_um, size_um
from label_measurements.regions import Numbers, regions_of
from label_measurements.shape import measure_shapes

Table = dict[str, Numbers]

_FIRST_COLUMNS = (
    *(
        "image",
        "label",
        "t",
        "area_pixels",
        "area_um2",
        "volume_um3",
        "centroid_z",
        "centroid_y",
        "centroid_x",
    ),
    *("bbox_min_z", "bbox_max_z", "bbox_min_y", "bbox_max_y", "bbox_min_x", "bbox_max_x"),
    *("eccentricity", "solidity", "perimeter_pixels"),
)
"""Those of every table; the channels' columns follow."""


def main() -> int:
    """Run the program; return its exit status."""
    arguments = _parser().parse_args()
    if arguments.infolder.resolve() == arguments.labels.resolve():
        print(
            f"ERROR: images and labels are one folder, {arguments.labels}: labels need a folder of their own "
            "(--labels FOLDER; with biomero run: --input labels=FOLDER)",
            file=sys.stderr,
        )
        return NOTHING_TO_DO
    arguments.outfolder.mkdir(parents=True, exist_ok=True)
    try:
        images, labels = images_by_stem(arguments.infolder), images_by_stem(arguments.labels)
    except UnsuitableImageError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return NOTHING_TO_DO
    tables: list[tuple[str, Table]] = []

    def work(path: Path) -> str:
        name = stem(path)
        if name not in labels:
            raise UnsuitableImageError(f"no label image of that name in {arguments.labels}")
        if name not in images:
            raise UnsuitableImageError(f"a label image, but no image of that name is in {arguments.infolder}")
        measured = measure_image(read_image(images[name]), read_image(labels[name]))
        tables.extend((images[name].name, table) for table in measured)
        return f"{sum(len(table['label']) for table in measured)} labels measured"

    # Each name once: an image, or a label image without one.
    status = for_each([{**labels, **images}[name] for name in sorted(images.keys() | labels.keys())], work)
    _write(arguments.outfolder / "measurements.csv", tables)
    return status


def measure_image(image: Image, label_image: Image) -> list[Table]:
    """Measure all labels, at each point in time.

    Raises
    ------
    UnsuitableImageError
        If labels and image differ in shape, or the labels are none.
    """
    labels = label_pixels(label_image)
    if labels.shape != image.pixels[:, 0].shape:
        raise UnsuitableImageError(
            f"labels and image differ in shape (t, z, y, x): {labels.shape} and {image.pixels[:, 0].shape}"
        )
    return [_measure_time(image, labels[t], t) for t in range(labels.shape[0])]


def _measure_time(image: Image, labels: np.ndarray[tuple[int, ...], np.dtype[np.uint32]], t: int) -> Table:
    channels, lengths = image.pixels[t], pixel_lengths_um(image)
    spacing: tuple[float, ...] = (plane_spacing(image), 1.0, 1.0)
    if is_flat := labels.shape[0] == 1:
        channels, labels, lengths, spacing = channels[:, 0], labels[0], lengths[1:], spacing[1:]
    regions = regions_of(labels)
    table: Table = {"label": regions.names.astype(float), "t": np.full(len(regions.names), float(t))}
    if not len(regions.names):
        return table
    table |= measure_shapes(labels, regions, spacing=spacing)
    if (size := size_um(lengths)) is not None:
        table["area_um2" if is_flat else "volume_um3"] = table["area_pixels"] * size
    return table | measure_intensities(channels, regions)


def _write(path: Path, tables: list[tuple[str, Table]]) -> None:
    """Write all tables as one; a column that a table lacks stays empty."""
    columns = dict.fromkeys(_FIRST_COLUMNS)
    for _, table in tables:
        columns |= dict.fromkeys(table)
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for image, table in tables:
            cells = [[_text(value) for value in table[name]] if name in table else None for name in columns]
            for row in range(len(table["label"])):
                writer.writerow([image, *("" if cell is None else cell[row] for cell in cells[1:])])
    os.replace(partial, path)  # noqa: PTH105 - the standard name for an atomic rename


def _text(value: float) -> str:
    """Whole numbers without a point, others with nine digits."""
    return str(int(value)) if float(value).is_integer() else f"{value:.9g}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure labels.", allow_abbrev=False)
    parser.add_argument("--infolder", type=_folder, required=True, help="folder with TIFF images")
    parser.add_argument("--labels", type=_folder, required=True, help="folder with TIFF label images")
    parser.add_argument("--outfolder", type=Path, required=True, help="folder for measurements.csv")
    return parser


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
