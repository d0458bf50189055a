"""How pictures and the vendors' files are recognised."""

from __future__ import annotations

from biomero.adapters.readers.czi import CziSource
from biomero.adapters.readers.dv import DvSource
from biomero.adapters.readers.ims import ImsSource
from biomero.adapters.readers.lif import LifSource
from biomero.adapters.readers.mrc import MrcSource
from biomero.adapters.readers.nd2 import Nd2Source
from biomero.adapters.readers.oif import OifSource
from biomero.adapters.readers.pictures import PictureSource
from biomero.application.open_images import ImageFormat, Signature


def formats() -> tuple[ImageFormat, ...]:
    """Return the formats that these readers read; no library is imported before a file is opened."""
    pictures, lif, oif = PictureSource(), LifSource(), OifSource()
    return (
        ImageFormat(
            name="PNG",
            suffixes=(".png",),
            source=pictures,
            signatures=(Signature(magic=b"\x89PNG\r\n\x1a\n"),),
        ),
        ImageFormat(
            name="JPEG",
            suffixes=(".jpg", ".jpeg"),
            source=pictures,
            signatures=(Signature(magic=b"\xff\xd8\xff"),),
        ),
        ImageFormat(
            name="CZI", suffixes=(".czi",), source=CziSource(), signatures=(Signature(magic=b"ZISRAWFILE"),)
        ),
        ImageFormat(
            name="ND2",
            suffixes=(".nd2",),
            source=Nd2Source(),
            # since 2010, and the JPEG 2000 files of before
            signatures=(Signature(magic=b"\xda\xce\xbe\x0a"), Signature(magic=b"\x00\x00\x00\x0cjP  ")),
        ),
        ImageFormat(
            name="LIF",
            suffixes=(".lif", ".lof"),
            source=lif,
            signatures=(Signature(magic=b"\x70\x00\x00\x00"),),
        ),
        ImageFormat(name="XLEF", suffixes=(".xlef",), source=lif),
        ImageFormat(
            name="OIB",
            suffixes=(".oib",),
            source=oif,
            signatures=(Signature(magic=b"\xd0\xcf\x11\xe0\xa1\xb1"),),
        ),
        ImageFormat(name="OIF", suffixes=(".oif",), source=oif),
        ImageFormat(
            name="DV",
            suffixes=(".dv", ".r3d"),
            source=DvSource(),
            signatures=(Signature(magic=b"\xa0\xc0", offset=96), Signature(magic=b"\xc0\xa0", offset=96)),
        ),
        ImageFormat(
            name="MRC",
            suffixes=(".mrc", ".mrcs", ".map", ".rec", ".st"),
            source=MrcSource(),
            signatures=(Signature(magic=b"MAP ", offset=208), Signature(magic=b"MAP\x00", offset=208)),
        ),
        ImageFormat(
            name="IMS",
            suffixes=(".ims",),
            source=ImsSource(),
            signatures=(Signature(magic=b"\x89HDF\r\n\x1a\n"),),
        ),
    )
