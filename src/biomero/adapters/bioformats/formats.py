"""Files that are left to Bio-Formats from the start."""

from __future__ import annotations

from biomero.application.open_images import ImageFormat
from biomero.application.ports.image_source import ImageSource

_SUFFIXES = {
    # these begin like TIFF, and a TIFF reader would find a thumbnail or a part in them
    "cellSens VSI": (".vsi",),
    "PerkinElmer Flex": (".flex",),
    "raw photographs": (".dng", ".nef", ".cr2", ".arw"),
    # these begin like Olympus OIB
    "AxioVision ZVI": (".zvi",),
    "Image-Pro IPW": (".ipw",),
    # these name the files of a set
    "OME companion": (".companion.ome",),
    "MIRAX": (".mrxs",),
    "Hamamatsu VMS": (".vms",),
    "Harmony": (".xdce",),
    "MetaXpress": (".htd", ".nd"),
    # and what people ask for most of the rest
    "Leica LEI": (".lei",),
    "SlideBook": (".sld", ".sldy"),
    "Volocity": (".mvd2",),
    "Gatan DM": (".dm2", ".dm3", ".dm4"),
    "ICS": (".ics", ".ids"),
    "DICOM": (".dcm", ".dicom"),
    "Cellomics": (".c01",),
}


def formats(source: ImageSource) -> tuple[ImageFormat, ...]:
    """Return the formats that no native reader is asked about; others come to Bio-Formats last."""
    return tuple(
        ImageFormat(name=name, suffixes=suffixes, source=source) for name, suffixes in _SUFFIXES.items()
    )
