"""What ezomero does for scripts; prints one document of JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import pandas as pd
from ezomero.rois import Polygon, Rectangle

HOST, PORT, PASSWORD = sys.argv[1], int(sys.argv[2]), sys.argv[3]
IMAGE, DATASET, PLATE = map(int, sys.argv[4:7])


def said(connection: Any) -> Iterator[tuple[str, Any]]:
    """Do it."""
    image, pixels = ezomero.get_image(connection, IMAGE)
    yield "image", [image.getName(), pixels.shape, str(pixels.dtype)]
    _, crop = ezomero.get_image(connection, IMAGE, start_coords=(1, 2, 0, 0, 0), axis_lengths=(3, 4, 1, 1, 1))
    yield "crop", crop.shape
    yield "in dataset", ezomero.get_image_ids(connection, dataset=DATASET) == [IMAGE]
    yield "in plate", len(ezomero.get_image_ids(connection, plate=PLATE))
    yield "orphans", ezomero.get_dataset_ids(connection)
    yield "groups", ezomero.get_group_id(connection, "lab") is not None
    new = ezomero.post_dataset(connection, "made by ezomero")
    array = np.arange(4 * 5 * 2 * 3, dtype="float32").reshape(4, 5, 2, 3, 1)
    made = ezomero.post_image(connection, array, "floats", dataset_id=new, dim_order="xyzct")
    _, back = ezomero.get_image(connection, made, dim_order="xyzct")
    yield "floats", bool((back == array).all())
    pairs = ezomero.post_map_annotation(connection, "Image", IMAGE, {"a": "1", "b": "2"}, ns="ez")
    yield "pairs", ezomero.get_map_annotation(connection, pairs)
    yield "pairs of image", ezomero.get_map_annotation_ids(connection, "Image", IMAGE, ns="ez") == [pairs]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "note.txt")
        path.write_text("hello")
        file = ezomero.post_file_annotation(connection, str(path), "ez.file", "Image", IMAGE)
        fetched = ezomero.get_file_annotation(connection, file, folder)
        yield "file", Path(fetched).read_text()
    shapes = [Polygon([(0, 0), (3, 0), (3, 3)], z=0, c=0, t=0), Rectangle(1, 2, 3, 4)]
    roi = ezomero.post_roi(connection, IMAGE, shapes, name="drawn")
    found = ezomero.get_shape_ids(connection, roi)
    yield "shapes", sorted(type(ezomero.get_shape(connection, shape)).__name__ for shape in found)
    frame = pd.DataFrame({"x": [1, 2], "y": [0.5, 0.25], "word": ["a", "b"]})
    table = ezomero.post_table(connection, frame, "Dataset", DATASET, title="measured")
    yield "table", ezomero.get_table(connection, table).to_dict("list")


def main() -> None:
    """Log in and do it."""
    connection = ezomero.connect("alice", PASSWORD, host=HOST, port=PORT, secure=True, group="lab")
    assert connection is not None
    sys.stdout.write(f"\n{json.dumps(dict(said(connection)))}\n")
    connection.close()


if __name__ == "__main__":
    main()
