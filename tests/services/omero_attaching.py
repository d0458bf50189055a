"""What an unmodified client of OMERO attaches: a program for the clients' interpreter, which prints JSON."""

from __future__ import annotations

import json
import sys

from omero.gateway import BlitzGateway


def main() -> None:
    """Attach files to an image and print their annotations' ids: ``ADDRESS USER PASSWORD IMAGE PATH...``."""
    address, user, password, image_id, *paths = sys.argv[1:]
    connection = BlitzGateway(user, password, host=address)
    assert connection.connect()
    try:
        image = connection.getObject("Image", int(image_id))
        made = []
        for path in paths:
            annotation = connection.createFileAnnfromLocalFile(path, mimetype="text/plain", ns="a.person")
            image.linkAnnotation(annotation)
            made.append(annotation.getId())
        json.dump(made, sys.stdout)
    finally:
        connection.close()


if __name__ == "__main__":
    main()
