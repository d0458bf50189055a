"""What an unmodified client of OMERO sees: a program for the clients' interpreter, which prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from omero.gateway import BlitzGateway


def main() -> None:
    """Print what is on each image, or which tables a plate or dataset has.

    ``ADDRESS USER PASSWORD IMAGE... KIND:ID...``
    """
    address, user, password, *images = sys.argv[1:]
    connection = BlitzGateway(user, password, host=address)
    assert connection.connect()
    connection.SERVICE_OPTS.setOmeroGroup("-1")
    try:
        json.dump({one: looked_at(connection, one) for one in images}, sys.stdout)
    finally:
        connection.close()


def looked_at(connection: Any, what: str) -> Any:
    """Return everything on an image, or the tables of another object."""
    kind, _, number = what.rpartition(":")
    if not kind:
        return seen(connection, int(number))
    annotations = connection.getObject(kind, int(number)).listAnnotations()
    return [table_of(connection, a) for a in annotations if is_table(a)]


def seen(connection: Any, image_id: int) -> dict[str, Any]:
    """Return everything on an image."""
    image = connection.getObject("Image", image_id)
    rois = connection.getRoiService().findByImage(image_id, None, connection.SERVICE_OPTS).rois
    annotations = list(image.listAnnotations())
    return {
        "name": image.getName(),
        "description": image.getDescription() or "",
        "datasets": [parent.getId() for parent in image.listParents()],
        "group": image.getDetails().getGroup().getName(),
        "owner": image.getDetails().getOwner().getOmeName(),
        "rois": [polygon for roi in rois for polygon in map(points_of, roi.copyShapes())],
        "maps": [[a.getNs(), dict(a.getValue())] for a in annotations if hasattr(a, "getMapValue")],
        "tables": [table_of(connection, a) for a in annotations if is_table(a)],
        "files": [a.getFile().getName() for a in annotations if hasattr(a, "getFile") and not is_table(a)],
        "brightest": [int(v) for v in brightest(image)],
        "highest": float(image.getPrimaryPixels().getPlane(0, 0, 0).max()),  # NaN where a pixel is
    }


def points_of(shape: Any) -> list[list[float]]:
    """Return the corners (y, x) of a polygon."""
    pairs = [pair.split(",") for pair in shape.getPoints().getValue().split()]
    return [[float(y), float(x)] for x, y in pairs]


def is_table(annotation: Any) -> bool:
    """Say whether an annotation is a table, by what its file says."""
    return hasattr(annotation, "getFile") and annotation.getFile().getMimetype() == "OMERO.tables"


def table_of(connection: Any, annotation: Any) -> dict[str, list[Any]]:
    """Return the columns of a table."""
    table = connection.c.sf.sharedResources().openTable(annotation.getFile()._obj)
    try:
        columns = range(len(table.getHeaders()))
        data = table.read(list(columns), 0, table.getNumberOfRows())
        return {column.name: list(column.values) for column in data.columns}
    finally:
        table.close()


def brightest(image: Any) -> tuple[int, int]:
    """Return the first row and column of the brightest pixel, as the clients' own reader gives the plane."""
    plane = image.getPrimaryPixels().getPlane(0, 0, 0)
    first = int(plane.argmax())
    return first // plane.shape[1], first % plane.shape[1]


if __name__ == "__main__":
    main()
