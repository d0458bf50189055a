"""The process that holds the JVM: it answers questions about images on its standard input and output.

It is the only place where Bio-Formats, which is under the GPL, is loaded, and it holds nothing else.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from biomero.adapters.bioformats.protocol import receive, send

_Answer = tuple[dict[str, Any], bytes]


class Images:
    """Answers questions with Bio-Formats; one image is open at a time."""

    def __init__(self, loci: Any) -> None:  # noqa: ANN401 - Java packages, as jpype shows them
        self._loci = loci
        self._reader: Any = None
        self._document = ""

    def count(self, *, path: str) -> _Answer:
        """Open a file; say how many images it holds."""
        self._load(path)
        return {"images": int(self._reader.getSeriesCount())}, b""

    def open(self, *, path: str, index: int) -> _Answer:
        """Open an image of a file; say how its pixels are kept, and its OME-XML."""
        self._load(path)
        count = int(self._reader.getSeriesCount())
        if not 0 <= index < count:
            return {"error": "damaged", "message": f"it has {count} images; there is no number {index}"}, b""
        self._reader.setSeries(index)
        answer = {
            "sizes": {axis: int(getattr(self._reader, f"getSize{axis.upper()}")()) for axis in "tczyx"},
            "type": str(self._loci.formats.FormatTools.getPixelTypeString(self._reader.getPixelType())),
            "samples": int(self._reader.getReader().getRGBChannelCount()),  # before they were separated
            "little_endian": bool(self._reader.isLittleEndian()),
            "block": [int(self._reader.getOptimalTileHeight()), int(self._reader.getOptimalTileWidth())],
        }
        return answer, self._document.encode()

    def read(self, *, t: int, c: int, z: int, y: int, x: int, height: int, width: int) -> _Answer:
        """Read a piece of a plane of the open image."""
        plane = self._reader.getIndex(z, c, t)
        return {}, bytes(memoryview(self._reader.openBytes(plane, x, y, width, height)))

    def close(self) -> _Answer:
        """Close the file."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        return {}, b""

    def _load(self, path: str) -> None:
        self.close()
        factory = self._loci.common.services.ServiceFactory()
        store = factory.getInstance(self._loci.formats.services.OMEXMLService).createOMEXMLMetadata()
        self._reader = self._loci.formats.ChannelSeparator(self._loci.formats.ImageReader())
        self._reader.setMetadataStore(store)
        self._reader.setFlattenedResolutions(False)
        self._reader.setId(path)
        self._document = str(store.dumpXML())


def main(arguments: list[str]) -> int:
    """Start the JVM and answer until standard input ends."""
    jvm, jar, max_memory_mb = arguments
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever Java prints must not get between the answers
    import jpype  # noqa: PLC0415 - an extra, and only this process needs it

    jpype.startJVM(jvm, f"-Xmx{max_memory_mb}m", "-Djava.awt.headless=true", classpath=[jar])
    loci = jpype.JPackage("loci")
    loci.common.DebugTools.setRootLevel("ERROR")
    images = Images(loci)
    send(answers, {"ready": True})
    while (question := receive(sys.stdin.buffer)) is not None:
        message = question[0]
        ask: Callable[..., _Answer] = getattr(images, message.pop("ask"))
        del message["bytes"]
        answer, payload = _guarded(jpype, ask, message)
        send(answers, answer, payload)
    return 0


def _guarded(jpype: Any, ask: Callable[..., _Answer], message: dict[str, Any]) -> _Answer:  # noqa: ANN401
    formats = jpype.JPackage("loci").formats
    try:
        return ask(**message)
    except formats.UnknownFormatException as exc:
        return {"error": "unsupported", "message": str(exc.getMessage())}, b""
    except formats.MissingLibraryException as exc:
        return {"error": "unsupported", "message": str(exc.getMessage())}, b""
    except jpype.JPackage("java").lang.OutOfMemoryError:
        return {"error": "memory", "message": "the piece does not fit into the memory allowed"}, b""
    except jpype.JException as exc:
        return {"error": "damaged", "message": f"{exc.getClass().getSimpleName()}: {exc.getMessage()}"}, b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
