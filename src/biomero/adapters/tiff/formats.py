"""How files that are TIFF inside are recognised."""

from __future__ import annotations

from biomero.adapters.tiff.source import TiffSource
from biomero.application.open_images import ImageFormat, Signature

_SIGNATURES = tuple(
    Signature(magic=magic)
    for magic in (b"II\x2a\x00", b"MM\x00\x2a", b"II\x2b\x00", b"MM\x00\x2b")  # classic and BigTIFF
)

_SUFFIXES = {
    "OME-TIFF": (".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf"),
    "TIFF": (".tif", ".tiff", ".tf2", ".tf8", ".btf"),
    "LSM": (".lsm",),
    "STK": (".stk",),
    "SVS": (".svs",),
    "NDPI": (".ndpi",),
    "SCN": (".scn",),
    "QPTIFF": (".qptiff",),
}


def formats() -> tuple[ImageFormat, ...]:
    """Return the formats that `TiffSource` reads."""
    source = TiffSource()
    return tuple(
        ImageFormat(name=name, suffixes=suffixes, source=source, signatures=_SIGNATURES)
        for name, suffixes in _SUFFIXES.items()
    )
