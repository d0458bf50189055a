"""What omero-py's BlitzGateway does for scripts, web pages and us; prints one document of JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import omero
import omero.gateway
import omero.grid
import omero.model
from omero.rtypes import rdouble, rint, rstring

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
IMAGE, DATASET, PLATE = map(int, sys.argv[4:7])


def connected(name: str) -> Any:
    """Log somebody in, with TLS."""
    connection = omero.gateway.BlitzGateway(name, PASSWORD, host=HOST, port=PORT, secure=True)
    assert connection.connect(), connection.getLastError()
    return connection


def lists(connection: Any) -> Iterator[tuple[str, Any]]:
    """Look at what is there."""
    yield "user", connection.getUser().getName()
    yield "full name", connection.getUser().getFullName()
    yield "group", connection.getGroupFromContext().getName()
    yield "groups", sorted(group.getName() for group in connection.getGroupsMemberOf())
    tree = {p.getName(): [d.getName() for d in p.listChildren()] for p in connection.listProjects()}
    yield "projects", tree
    yield "images", [i.getName() for i in connection.getObject("Dataset", DATASET).listChildren()]
    found = connection.getObject("Image", attributes={"name": "cells.tif"})
    yield "by name", found.getId() == IMAGE
    image = connection.getObject("Image", IMAGE)
    yield "parent", image.getParent().getName()
    yield "ancestry", [type(parent).__name__ for parent in image.getAncestry()]
    yield "owner", image.getDetails().getOwner().getOmeName()
    plate = connection.getObject("Plate", PLATE)
    wells = {
        well.getWellPos(): [s.getImage().getName() for s in well.listChildren()]
        for well in plate.listChildren()
    }
    yield "wells", wells
    yield "fields", plate.getNumberOfFields()
    yield "acquisitions", [run.getName() for run in plate.listPlateAcquisitions()]


def pixels(connection: Any) -> Iterator[tuple[str, Any]]:
    """Read and write pixels."""
    image = connection.getObject("Image", IMAGE)
    primary = image.getPrimaryPixels()
    yield "sizes", [getattr(image, f"getSize{axis}")() for axis in "TCZYX"]
    yield "type", primary.getPixelsType().getValue()
    yield "pixel size", image.getPixelSizeX()
    yield "channels", [channel.getLabel() for channel in image.getChannels()]
    yield "colours", [list(channel.getColor().getRGB()) for channel in image.getChannels()]
    yield "windows", [[c.getWindowStart(), c.getWindowEnd()] for c in image.getChannels()]
    yield "is big", [image.requiresPixelsPyramid(), connection.getMaxPlaneSize()]
    plane = primary.getPlane(1, 1, 0)
    yield "plane", [plane.shape, str(plane.dtype), int(plane.sum())]
    yield "tile", primary.getTile(0, 0, 0, (1, 2, 3, 4)).tolist()
    planes = iter([np.full((6, 5), n, "uint16") for n in range(3)])
    dataset = connection.getObject("Dataset", DATASET)
    made = connection.createImageFromNumpySeq(planes, "made", sizeC=3, dataset=dataset)
    yield "made", [int(made.getPrimaryPixels().getPlane(0, c, 0).max()) for c in range(3)]
    yield "made type", made.getPrimaryPixels().getPixelsType().getValue()
    copy = iter([np.ones((8, 9), "uint16")] * 2)
    like = connection.createImageFromNumpySeq(copy, "like", sizeC=2, sourceImageId=IMAGE, channelList=[0, 1])
    yield "like", [channel.getLabel() for channel in like.getChannels(noRE=True)]
    connection.deleteObjects("Image", [made.getId(), like.getId()], wait=True)
    yield "deleted", [connection.getObject("Image", i.getId()) for i in (made, like)]


def annotating(connection: Any) -> Iterator[tuple[str, Any]]:
    """Annotate an image, and draw on it."""
    image = connection.getObject("Image", IMAGE)
    pairs = omero.gateway.MapAnnotationWrapper(connection)
    pairs.setNs("tests")
    pairs.setValue([["stain", "DAPI"], ["stain", "GFP"]])
    pairs.save()
    image.linkAnnotation(pairs)
    tag = omero.gateway.TagAnnotationWrapper(connection)
    tag.setValue("nice")
    tag.save()
    image.linkAnnotation(tag)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        path.write_text("a,b\n1,2\n")
        file = connection.createFileAnnfromLocalFile(str(path), mimetype="text/csv", ns="tests.file")
    image.linkAnnotation(file)
    found = connection.getObject("Image", IMAGE)
    yield "pairs", [a.getValue() for a in found.listAnnotations(ns="tests")]
    yield "kinds", sorted(type(a).__name__ for a in found.listAnnotations())
    yield "file", [b"".join(a.getFileInChunks()).decode() for a in found.listAnnotations(ns="tests.file")]
    yield "file name", [a.getFileName() for a in found.listAnnotations(ns="tests.file")]
    counted = connection.countAnnotations("Image", [IMAGE])
    yield "counted", [counted[name] for name in ("MapAnnotation", "TagAnnotation", "FileAnnotation")]
    text = "select mv.name, mv.value from MapAnnotation a join a.mapValue as mv where a.ns = 'tests'"
    rows = connection.getQueryService().projection(text, None)
    yield "pairs by query", [[value.val for value in row] for row in rows]
    yield "by tag", [i.getId() == IMAGE for i in connection.getObjectsByAnnotations("Image", [tag.getId()])]
    image.setDescription("seen")
    image.save()
    yield "description", connection.getObject("Image", IMAGE).getDescription()
    roi = omero.model.RoiI()
    roi.setImage(omero.model.ImageI(IMAGE, False))
    mask = omero.model.MaskI()
    mask.x, mask.y, mask.width, mask.height = (rdouble(n) for n in (0, 0, 8, 8))
    mask.bytes = np.packbits(np.eye(8, dtype="uint8")).tobytes()
    polygon = omero.model.PolygonI()
    polygon.points, polygon.theZ = rstring("0,0 3,0 3,3"), rint(1)
    roi.addShape(mask)
    roi.addShape(polygon)
    connection.getUpdateService().saveAndReturnObject(roi)
    drawn = connection.getRoiService().findByImage(IMAGE, None, connection.SERVICE_OPTS)
    shapes = [shape for one in drawn.rois for shape in one.copyShapes()]
    yield "shapes", [type(shape).__name__ for shape in shapes]
    yield "mask", [len(shape.getBytes()) for shape in shapes if hasattr(shape, "getBytes")]
    yield "rois", found.getROICount()


def tables(connection: Any) -> Iterator[tuple[str, Any]]:
    """Keep a table, and look into it."""
    columns = [omero.grid.LongColumn("Image", "", []), omero.grid.StringColumn("word", "", 8, [])]
    table = connection.c.sf.sharedResources().newTable(1, "table.h5")
    table.initialize(columns)
    columns[0].values, columns[1].values = [1, 2, 3], ["a", "b", "c"]
    table.addData(columns)
    file = table.getOriginalFile()
    table.close()
    table = connection.c.sf.sharedResources().openTable(omero.model.OriginalFileI(file.id.val, False))
    rows = table.getWhereList("(Image > 1)", {}, 0, table.getNumberOfRows(), 1)
    yield "rows", [list(column.values) for column in table.readCoordinates(rows).columns]
    table.close()


def others(root: Any) -> Iterator[tuple[str, Any]]:
    """Become somebody else, as administrators may."""
    alice = root.suConn("alice")
    yield "su", [alice.getUser().getName(), alice.getEventContext().sudoerName.val]
    yield "sees", alice.getObject("Image", IMAGE).getName()
    alice.close()


def main() -> None:
    """Do all of it."""
    said: dict[str, Any] = {}
    alice = connected("alice")
    for part in (lists, pixels, annotating, tables):
        said[part.__name__] = dict(part(alice))
    alice.close()
    root = connected("root")
    said["others"] = dict(others(root))
    root.close()
    sys.stdout.write(f"\n{json.dumps(said)}\n")


if __name__ == "__main__":
    main()
