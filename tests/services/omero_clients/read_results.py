"""What omero-py's gateway and ezomero read of an image and what is attached to it; prints it as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import ezomero
import numpy as np
from omero.gateway import BlitzGateway
from omero.rtypes import unwrap

HOST, PORT, USER, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
IMAGE = int(sys.argv[5])


def said(connection: Any) -> Iterator[tuple[str, Any]]:
    """Read it."""
    _, pixels = ezomero.get_image(connection, IMAGE, dim_order="tczyx")
    wrapper = connection.getObject("Image", IMAGE)
    yield "name", wrapper.getName()
    yield "shape", pixels.shape
    yield "dtype", str(pixels.dtype)
    yield "pixels", hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
    size = wrapper.getPixelSizeX(units=True)
    yield "pixel size", None if size is None else [size.getUnit().name, size.getValue()]
    yield "channels", [[c.getLabel(), c.getColor().getHtml()] for c in wrapper.getChannels()]
    yield "windows", [[c.getWindowStart(), c.getWindowEnd()] for c in wrapper.getChannels()]
    yield "ranges", [[c.getWindowMin(), c.getWindowMax()] for c in wrapper.getChannels()]
    yield "rois", [roi(one) for one in connection.getRoiService().findByImage(IMAGE, None).rois]
    for annotation in wrapper.listAnnotations():
        yield annotation.getNs(), content(connection, annotation)


def roi(found: Any) -> dict[str, Any]:
    """Return a ROI as plain values."""
    return {
        "id": unwrap(found.id),
        "name": unwrap(found.name),
        "shapes": [shape(one) for one in found.copyShapes()],
    }


def shape(found: Any) -> dict[str, Any]:
    """Return a shape as plain values."""
    places = {
        name: unwrap(getattr(found, name)) for name in ("theZ", "theT", "theC", "textValue", "fillColor")
    }
    if hasattr(found, "_points"):
        return {**places, "points": unwrap(found.points)}
    box = [int(unwrap(getattr(found, name))) for name in ("x", "y", "width", "height")]
    return {**places, "box": box, "bits": base64.b64encode(bytes(found.bytes)).decode()}


def content(connection: Any, annotation: Any) -> Any:
    """Return what an annotation holds."""
    if annotation.getNs().endswith("bulk_annotations"):
        table = ezomero.get_table(connection, annotation.getId())
        return [annotation.getFile().getName(), table.to_dict("list")]
    if hasattr(annotation, "getFileInChunks"):
        data = b"".join(annotation.getFileInChunks())
        file = annotation.getFile()
        return [file.getName(), file.getMimetype(), file.getHash(), hashlib.sha1(data).hexdigest()]  # noqa: S324
    return annotation.getValue()


def main() -> None:
    """Log in, read, say."""
    connection = BlitzGateway(USER, PASSWORD, host=HOST, port=PORT, secure=True)
    if not connection.connect():
        sys.exit("no login")
    found = dict(said(connection))
    connection.close()
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
