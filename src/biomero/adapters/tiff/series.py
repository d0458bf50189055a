"""Which images a TIFF holds."""

from __future__ import annotations

from pathlib import Path

from tifffile import TiffFile, TiffPageSeries

from biomero.domain.ome_xml import OmeDocument, parse_ome_xml
from biomero.errors import ImageReadError, UnsupportedImageError

_NOT_THE_SAMPLE = {"Thumbnail", "Label", "Macro", "Map", "Overview"}
"""tifffile's names for pictures of the glass slide."""

_NAMED_IN_MESSAGES = 3  # of the files that are missing


def ome_document(tif: TiffFile) -> OmeDocument | None:
    """Return the OME-XML of a file; None where there is none that can be understood."""
    if not tif.is_ome or not tif.ome_metadata:
        return None
    try:
        return parse_ome_xml(tif.ome_metadata)
    except ValueError:
        return None  # the pixels are readable without it


def image_series(tif: TiffFile, path: Path) -> list[TiffPageSeries]:
    """Return the series of a file that are images of the sample, not thumbnails of it.

    Raises
    ------
    UnsupportedImageError
        If the file describes its images elsewhere, in a file that tifffile does not read.
    ImageReadError
        If files of the set are missing, or the description claims more than there is.
    """
    document = ome_document(tif)
    if document is not None:
        _check_set(document, path)
    found = [one for one in tif.series if one.name not in _NOT_THE_SAMPLE and not one.keyframe.is_reduced]
    if not found:
        raise ImageReadError(f"{path} holds no image")
    _check_imagej(tif, found[0], path)
    return found


def _check_set(document: OmeDocument, path: Path) -> None:
    if document.metadata_file is not None:
        raise UnsupportedImageError(
            f"{path} is a part of the set of files that {document.metadata_file!r} describes; open that one"
        )
    if len(document.file_names) < 2:  # noqa: PLR2004 - a single file is no set, and may have been renamed
        return
    missing = [name for name in document.file_names if not (path.parent / name).is_file()]
    if missing:
        named = ", ".join(missing[:_NAMED_IN_MESSAGES])
        more = len(missing) - _NAMED_IN_MESSAGES
        raise ImageReadError(
            f"{path} is one of a set of {len(document.file_names)} OME-TIFF files; not all are beside it, "
            f"missing: {named}{f' and {more} more' if more > 0 else ''}"
        )


def _check_imagej(tif: TiffFile, series: TiffPageSeries, path: Path) -> None:
    # tifffile drops ImageJ's description when the file is shorter than it says, and shows what is left.
    described = int((tif.imagej_metadata or {}).get("images", 1))
    if tif.is_imagej and series.kind != "imagej" and len(series) < described:
        raise ImageReadError(f"{path} is truncated: ImageJ wrote {described} planes, {len(series)} are left")
