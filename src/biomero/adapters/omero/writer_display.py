"""How the channels of a new image are shown to everybody who opens it."""

from __future__ import annotations

from typing import Any

from biomero.domain.imaging import ImageMetadata

_BYTE = 255


def show_channels(factory: Any, pixels: int, metadata: ImageMetadata) -> None:
    """Save the windows of channels where they are known; OMERO chooses the others from the channels' ranges.

    Colour pictures of bytes are shown as they are. Colours are the channels' own already.
    """
    windows = {
        index: (channel.window.start, channel.window.end)
        for index, channel in enumerate(metadata.channels)
        if channel.window is not None
    }
    if metadata.is_rgb and metadata.dtype == "uint8":
        windows = dict.fromkeys(range(metadata.size("c")), (0, _BYTE)) | windows
    if not windows:
        return
    engine = factory.createRenderingEngine()
    try:
        engine.lookupPixels(pixels)
        if not engine.lookupRenderingDef(pixels):
            engine.resetDefaultSettings(True)  # noqa: FBT003 - omero-py's own
            engine.lookupRenderingDef(pixels)
        engine.load()
        for index, (start, end) in windows.items():
            engine.setChannelWindow(index, float(start), float(end))
        engine.saveCurrentSettings()
    finally:
        engine.close()
