"""What the published scripts ask of OMERO, in their order and with their libraries, in our own words.

``export`` makes the archive of a dataset that goes to the cluster, and keeps it at the dataset's first image;
``bring`` puts results back: images into a new dataset of the same project, ROIs on their sources, a table and
an archive on the dataset. Prints one document of JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ezomero
import numpy as np
import omero.gateway
import tifffile
from ezomero.rois import Polygon
from omero_metadata.populate import ParsingContext

HOST, PORT, USER, PASSWORD, COMMAND, DATASET, FOLDER, RUN = sys.argv[1:9]
# the program of that name refuses to be run as root
_CLI = "import sys; from omero.cli import argv; sys.argv[0] = 'omero'; sys.exit(argv())"


def export(connection: Any, folder: Path) -> dict[str, Any]:
    """Export every image of the dataset, and attach the archive to the first one."""
    place = folder / f"biomero_{RUN}"
    names: dict[int, str] = {}
    place.mkdir()
    images = list(connection.getObject("Dataset", int(DATASET)).listChildren())
    for image in images:
        login = ("-s", HOST, "-p", PORT, "-k", connection.getSession().getUuid().val)
        words = (
            "zarr",
            *login,
            "export",
            "--format",
            "0.4",
            "--output",
            str(place),
            f"Image:{image.getId()}",
        )
        env = {**os.environ, "OMERO_SESSIONDIR": str(folder / "sessions")}
        done = subprocess.run([sys.executable, "-c", _CLI, *words], capture_output=True, check=False, env=env)
        if done.returncode:
            sys.exit(done.stdout.decode() + done.stderr.decode())
        (store,) = place.glob(f"{image.getId()}*.zarr")
        stem = image.getName().rsplit(".", 1)[0]
        taken = sum(name.split("_(")[0] == stem for name in names.values())
        names[image.getId()] = f"{stem}_({taken})" if taken else stem
        store.rename(place / f"{names[image.getId()]}.zarr")
    (place / "Batch_Image_Export.txt").write_text("exported\n")
    archive = shutil.make_archive(str(place), "zip", place)
    kept = connection.createFileAnnfromLocalFile(archive, mimetype="application/zip", ns="biomero/export")
    images[0].linkAnnotation(kept)
    return {"archive": archive, "names": names, "annotation": kept.getId()}


def bring(connection: Any, folder: Path) -> dict[str, Any]:
    """Put labels and tables of a folder back; ``names.json`` there says which image each is of."""
    names = {int(image): stem for image, stem in json.loads((folder / "names.json").read_text()).items()}
    source = connection.getObject("Dataset", int(DATASET))
    project = source.getParent()
    target = ezomero.post_dataset(connection, f"results of {RUN}", project_id=project.getId())
    made = {}
    for image, stem in names.items():
        labels = tifffile.imread(folder / f"{stem}.tif")
        five = labels.T[:, :, np.newaxis, np.newaxis, np.newaxis]
        name = f"{stem}.{RUN}.tif"
        made[image] = ezomero.post_image(connection, five, name, dataset_id=target, dim_order="xyzct")
        ys, xs = np.nonzero(labels)
        low, high = (int(xs.min()), int(ys.min())), (int(xs.max()) + 1, int(ys.max()) + 1)
        corners = [low, (high[0], low[1]), high, (low[0], high[1])]
        ezomero.post_roi(connection, image, [Polygon(corners, z=0, c=0, t=0)], name=f"nuclei__{RUN}")
        pairs = {"Workflow_ID": RUN, "Name": "nuclei", "Version": "v1.0.0"}
        ezomero.post_map_annotation(connection, "Image", made[image], pairs, ns="biomero/workflow")
    result = shutil.make_archive(str(folder.with_name("out")), "zip", folder)
    source.linkAnnotation(
        connection.createFileAnnfromLocalFile(result, mimetype="application/zip", ns="SLURM")
    )
    table = attach_table(connection, folder / "counts.csv", source)
    connection.keepAlive()
    return {"dataset": target, "made": made, "project": project.getId(), "table": table}


def attach_table(connection: Any, path: Path, source: Any) -> int:
    """Attach a CSV file as omero-metadata makes a table of it, or as a file where it does not."""
    before = {annotation.getId() for annotation in source.listAnnotations()}
    typed = path.with_name("typed.csv")
    typed.write_text("# header s,l\n" + path.read_text())
    try:
        ParsingContext(connection.c, source._obj, file=str(typed), allow_nan=True).parse()
    except Exception as exc:  # of images of one name, for which omero-metadata has no class
        if "present" not in str(exc):
            raise
        source.linkAnnotation(
            connection.createFileAnnfromLocalFile(str(path), mimetype="text/csv", ns="SLURM")
        )
    again = connection.getObject("Dataset", int(DATASET))  # the first one keeps what it has listed
    (made,) = {annotation.getId() for annotation in again.listAnnotations()} - before
    return int(made)


def main() -> None:
    """Log in and do it."""
    connection = omero.gateway.BlitzGateway(USER, PASSWORD, host=HOST, port=int(PORT), secure=True)
    assert connection.connect()
    try:
        done = {"export": export, "bring": bring}[COMMAND](connection, Path(FOLDER))
    finally:
        connection.close()
    sys.stdout.write(f"\n{json.dumps(done)}\n")


if __name__ == "__main__":
    main()
