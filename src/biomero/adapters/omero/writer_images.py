"""Images."""

from __future__ import annotations

from typing import Any

from biomero.adapters.omero.keyed import INCOMPLETE, completed, discard, find_key, new_key, object_of
from biomero.adapters.omero.writer_display import show_channels
from biomero.adapters.omero.writer_pixels import pixels_type, write_pixels
from biomero.adapters.omero.writer_plates import well_with
from biomero.adapters.omero.writer_session import WritingSession
from biomero.application.ports.image_source import OpenImage
from biomero.application.ports.omero import OutputKey, Progress
from biomero.domain.imaging import RGB_CHANNELS, Channel, ImageMetadata, Quantity
from biomero.domain.omero import OmeroKind, OmeroRef
from biomero.domain.omero_targets import PlateSpot

_BYTE = 255
_ORDER = "XYZCT"


def put_image(
    session: WritingSession,
    key: OutputKey,
    image: OpenImage,
    *,
    name: str,
    description: str,
    dataset: int | None,
    on_plate: PlateSpot | None,
    progress: Progress | None,
) -> OmeroRef:
    """See `OmeroWriter.put_image`; dataset and plate are some that the user may link to.

    Image, pixels, channels, key and the link to the dataset are one transaction. Then pixels are written,
    then ranges and windows of channels, and at last the key says that it is complete. OMERO lets nobody go
    on with pixels after the store was closed that wrote them: whoever died in between leaves an image that
    the next call finds by its key, deletes, and makes anew. An image comes onto its plate in the transaction
    that says that it is complete: OMERO does not like to delete images out of wells.

    Pixels of ``bool`` become ``uint8``, those of ``float16`` ``float``; others keep their type.
    """
    import omero.model

    metadata = image.metadata
    type_name = pixels_type(metadata)
    if (found := find_key(session, key)) is not None:
        there = object_of(session, found, "ImageAnnotationLink")
        if there is not None and found.is_complete:
            return OmeroRef(OmeroKind.IMAGE, there)
        discard(session, found, **({} if there is None else {"Image": there}))
    type_of_pixels = session.enumeration("PixelsType", type_name)
    order = session.enumeration("DimensionOrder", _ORDER)
    root = _image(metadata, type_of_pixels, order, name=name, description=description)
    root.linkAnnotation(new_key(key, state=INCOMPLETE))
    if dataset is not None:
        root.linkDataset(omero.model.DatasetI(dataset, False))  # noqa: FBT003 - omero-py's own
    saved = session.save(root)
    pixels = saved.getPrimaryPixels().id.val
    ranges = write_pixels(session.factory, pixels, image, progress)
    service = session.factory.getPixelsService()
    for channel, (low, high) in enumerate(ranges):
        service.setChannelGlobalMinMax(pixels, channel, low, high)
    show_channels(session.factory, pixels, metadata)
    done = [completed(session, saved.linkedAnnotationList()[0].id.val)]
    if on_plate is not None:
        done.insert(0, well_with(session, on_plate, saved.id.val))
    session.save_all(done)
    return OmeroRef(OmeroKind.IMAGE, saved.id.val)


def _image(metadata: ImageMetadata, type_of_pixels: Any, order: Any, *, name: str, description: str) -> Any:
    import omero.model
    from omero.rtypes import rint, rstring

    pixels = omero.model.PixelsI()
    pixels.pixelsType, pixels.dimensionOrder = type_of_pixels, order
    pixels.sha1 = rstring("Pending...")  # what OMERO itself says until the pixels are there
    pixels.sizeX, pixels.sizeY = rint(metadata.size("x")), rint(metadata.size("y"))
    pixels.sizeZ, pixels.sizeT = rint(metadata.size("z")), rint(metadata.size("t"))
    pixels.sizeC = rint(metadata.size("c"))
    for axis, quantity in metadata.scale.items():
        _set_size(pixels, axis, quantity)
    known = metadata.channels or (RGB_CHANNELS if metadata.is_rgb else ())
    for channel in known or [Channel()] * metadata.size("c"):
        pixels.addChannel(_channel(channel))
    image = omero.model.ImageI()
    image.name, image.description = rstring(name), rstring(description)
    image.addPixels(pixels)
    return image


def _set_size(pixels: Any, axis: str, quantity: Quantity) -> None:
    import omero.model
    from omero.model.enums import UnitsLength, UnitsTime

    unit = quantity.unit.upper()
    if axis == "t" and hasattr(UnitsTime, unit):
        pixels.timeIncrement = omero.model.TimeI(quantity.value, getattr(UnitsTime, unit))
    elif axis in "zyx" and hasattr(UnitsLength, unit):
        length = omero.model.LengthI(quantity.value, getattr(UnitsLength, unit))
        setattr(pixels, f"physicalSize{axis.upper()}", length)


def _channel(channel: Channel) -> Any:
    import omero.model
    from omero.rtypes import rint, rstring

    made = omero.model.ChannelI()
    made.logicalChannel = omero.model.LogicalChannelI()
    if channel.name:
        made.logicalChannel.name = rstring(channel.name)
    if channel.color:
        red, green, blue = bytes.fromhex(channel.color)
        made.red, made.green, made.blue, made.alpha = (rint(part) for part in (red, green, blue, _BYTE))
    return made
