"""What a TIFF says of its images beside pixels, in its several dialects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tifffile import TiffFile, TiffPageSeries

from biomero.adapters.tiff.dialects import imagej_description, lsm_description, other_scale
from biomero.adapters.tiff.layout import FileLayout
from biomero.adapters.tiff.page_format import PageFormat
from biomero.adapters.tiff.series import ome_document
from biomero.domain.imaging import RGB_CHANNELS, Channel, ImageMetadata, Quantity


def describe(
    tif: TiffFile,
    series: TiffPageSeries,
    *,
    pages: PageFormat,
    layout: FileLayout,
    path: Path,
    index: int,
) -> ImageMetadata:
    """Return what is known of one image of a file."""
    name = ""
    scale: dict[str, Quantity] = {}
    channels: tuple[Channel, ...] = ()
    document = ome_document(tif) if series.kind == "ome" else None
    if document is not None and index < len(document.images):
        image = document.images[index]
        name, scale, channels = image.name, dict(image.scale), image.channels
    elif series.kind == "imagej":
        scale, channels = imagej_description(tif, layout.size("c"))
    elif tif.is_lsm:
        name = series.name
        scale, channels = lsm_description(tif.lsm_metadata or {}, layout.size("c"))
    if not {"x", "y"} & set(scale):
        scale |= other_scale(tif, series)
    metadata = ImageMetadata(
        name=name or path.name.removesuffix(path.suffix).removesuffix(".ome"),
        axes=layout.axes,
        shape=tuple(layout.size(axis) for axis in layout.axes),
        dtype=pages.dtype.name,
        scale={axis: size for axis, size in scale.items() if axis in layout.axes},
    )
    if pages.is_colour and layout.size("c") == len(RGB_CHANNELS):
        return replace(metadata, channels=RGB_CHANNELS, is_rgb=True)
    fits = len(channels) == layout.size("c") and any(c != Channel() for c in channels)
    return replace(metadata, channels=channels) if fits else metadata
