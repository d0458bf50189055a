"""What an output is, from its name and the descriptor alone."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import PurePosixPath

from biomero.domain.descriptor import Output
from biomero.domain.imaging import ImageMetadata

_DOUBLE_SUFFIXES = (".ome.tif", ".ome.tiff", ".ome.btf", ".ome.zarr", ".ome.xml", ".tar.gz")
_TABLES = frozenset({"csv", "tsv", "xlsx", "parquet"})
_IMAGES = frozenset({"tif", "png", "jpg", "bmp", "zarr"})
_SPELLINGS = {
    "tiff": "tif",
    "btf": "tif",
    "ometif": "tif",
    "ometiff": "tif",
    "jpeg": "jpg",
    "omezarr": "zarr",
}
_LABELS = frozenset({"label", "labels", "labeled", "labelled"})


class LabelRule(enum.Enum):
    """What the descriptor says of an image output."""

    LABEL = "label"
    """It is a label image."""
    IMAGE = "image"
    """It is not."""
    CONVENTION = "convention"
    """It leaves that open; the convention of BIAFLOWS decides: a label image is named as its source."""


def stem_of(name: str) -> str:
    """Return a file's name without its suffix; ``.ome.tif`` and its like are one suffix."""
    for suffix in _DOUBLE_SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    stem = name.rpartition(".")[0]
    return stem if stem.strip(".") else name


def is_table(name: str) -> bool:
    """Return whether a file is a table, by its suffix."""
    return _format_of(name) in _TABLES


def has_format(name: str, formats: Sequence[str]) -> bool:
    """Return whether a file is of one of some formats, by its suffix; of none, any file is.

    >>> has_format("a.TSV", ["csv", "tsv"]), has_format("a.ome.tiff", ["tif"]), has_format("csv", ["csv"])
    (True, True, False)
    """
    suffixes = {_format_of(name), _canonical(name[len(stem_of(name)) :])} - {""}
    return not formats or bool(suffixes & set(map(_canonical, formats)))


def may_be_image(name: str) -> bool:
    """Return whether a file or folder is an image, by its suffix; reading it tells for sure."""
    return _format_of(name) in _IMAGES


def label_rule(name: str, outputs: Sequence[Output]) -> LabelRule:
    """Return what the descriptor's outputs say of an image of this name.

    An output describes the images of its formats, or of any where it names none. An image that no
    description fits, though there are some, is not a label image.
    """
    described = [output for output in outputs if output.type.lower() == "image"]
    if not described:
        return LabelRule.CONVENTION
    fitting = [o for o in described if not o.formats or _format_of(name) in map(_canonical, o.formats)]
    rules = {_rule(output) for output in fitting} or {LabelRule.IMAGE}
    return rules.pop() if len(rules) == 1 else LabelRule.CONVENTION


def _rule(output: Output) -> LabelRule:
    kinds = {kind.strip().lower() for kind in output.sub_types}
    if not kinds or (kinds & _LABELS and kinds - _LABELS):
        return LabelRule.CONVENTION
    return LabelRule.LABEL if kinds <= _LABELS else LabelRule.IMAGE


def _format_of(name: str) -> str:
    return _canonical(PurePosixPath(name).suffix)


def _canonical(image_format: str) -> str:
    """``.TIFF``, ``ome-tiff`` and ``tif`` are one format."""
    short = "".join(c for c in image_format.lower() if c.isalnum())
    return _SPELLINGS.get(short, short)


def holds_labels(metadata: ImageMetadata) -> bool:
    """Return whether an image's pixels can be numbers of objects: whole numbers, not colours."""
    return metadata.dtype.startswith(("int", "uint", "bool")) and not metadata.is_rgb


def is_label_by_convention(
    stem: str, metadata: ImageMetadata, *, source_stem: str, source: ImageMetadata
) -> bool:
    """Return whether an output is a label image as BIAFLOWS has them.

    It has whole numbers, the (y, x) of its source and its source's name.
    """
    return stem == source_stem and holds_labels(metadata) and metadata.shape[-2:] == source.shape[-2:]
