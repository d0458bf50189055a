"""Label images beside the image that they belong to: ``<image>/labels/<name>``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from biomero.adapters.ngff.folders import whole_folder
from biomero.adapters.ngff.formats import Format
from biomero.adapters.ngff.groups import read_group
from biomero.adapters.ngff.multiscale import clean_text
from biomero.adapters.ngff.stores import write_errors
from biomero.adapters.ngff.writer import check_writable, write_image
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.transfer import Progress
from biomero.errors import ImageWriteError

Rgba = tuple[int, int, int, int]


def add_label_image(
    image_path: Path,
    name: str,
    labels: OpenImage,
    *,
    colors: Mapping[int, Rgba] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write a label image into an OME-Zarr image, in the version of that image, and list it there.

    Doing it again replaces the label image of that name; others stay. If it is interrupted, the image
    is as before, or lacks only the entry in the list, which the next call adds.

    Parameters
    ----------
    image_path
        The folder of an OME-Zarr image.
    colors
        For some labels, how they are shown: red, green, blue and opacity, from 0 to 255.

    Returns
    -------
    the folder of the label image

    Raises
    ------
    ImageReadError
        If `image_path` is no OME-Zarr image, or the labels' pixels cannot be read.
    ImageWriteError
        If the name cannot be one, the labels are no integers, or they cannot be written.
    """
    if name in {"", ".", ".."} or any(c in name for c in "/\\\0") or name.startswith(("__", ".z")):
        raise ImageWriteError(f"a label image cannot be called {name!r}: the name becomes that of a folder")
    check_writable(labels.metadata, is_label=True)
    ngff = read_group(image_path).format
    folder = image_path / "labels"
    path = folder / name
    with whole_folder(path, replace=True) as part:
        image_label = _image_label(colors)
        write_image(labels, part, ngff, image_label=image_label, progress=progress, final=path)
    _list_label(folder, name, ngff)
    return path


def _image_label(colors: Mapping[int, Rgba] | None) -> dict[str, Any]:
    # NGFF: "source" is relative to the label image; its image is two folders up.
    label: dict[str, Any] = {"source": {"image": "../../"}}
    if colors:
        label["colors"] = [{"label-value": v, "rgba": list(rgba)} for v, rgba in sorted(colors.items())]
    return label


def _list_label(folder: Path, name: str, ngff: Format) -> None:
    has_group = any((folder / file).is_file() for file in (".zgroup", "zarr.json"))
    group = read_group(folder) if has_group else None
    known = group.ome.get("labels", []) if group else []
    labels = sorted({*known, clean_text(name)})
    with write_errors(folder):
        ngff.write_group(folder, {"labels": labels}, {})
