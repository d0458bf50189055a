"""Ten thousand objects of a label image of 4096 by 4096 pixels become ROIs of an image of OMERO.

Starts the test server of OMERO (`tests/omero_server`), and prints for polygons and for masks how long it
took to make them, and to find on a second import that nothing is left to do, and how much of that this
process worked itself::

    python benchmarks/omero_rois.py

The server works on the same machine and takes its share of the processors.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

import numpy as np  # noqa: E402 - after the path above

from biomero.adapters.omero import IceOmero  # noqa: E402
from biomero.adapters.system import SystemClock  # noqa: E402
from biomero.application.ports.omero import OutputKey, RoiSettings  # noqa: E402
from biomero.application.settings import OmeroSettings  # noqa: E402
from biomero.domain.ids import RunId  # noqa: E402
from biomero.testing.images import ArrayImage  # noqa: E402
from services.omero_server import PASSWORD, omero_server_in  # noqa: E402

SIDE, MANY = 4096, 10_000
USER, GROUP = "alice", "lab"


def labels() -> ArrayImage:
    """Return a label image of disks, a hundred a side."""
    y, x = np.mgrid[:40, :40]
    disk = (y - 20) ** 2 + (x - 20) ** 2 < 14**2
    found = np.zeros((SIDE, SIDE), np.uint32)
    numbers = np.arange(1, MANY + 1, dtype=np.uint32).reshape(100, 100)
    found[:4000, :4000] = np.kron(numbers, disk.astype(np.uint32))
    return ArrayImage(found)


def main() -> None:
    """Measure."""
    print(
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M}, {platform.machine()}, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as folder, omero_server_in(Path(folder)) as server:
        group = server.add_group(GROUP)
        server.add_user(USER, [GROUP])
        pixels = np.zeros((1, 1, 1, SIDE, SIDE), np.uint8)
        settings = OmeroSettings(host=server.url, user=USER, password=PASSWORD, is_sudo=False)
        with IceOmero(settings, SystemClock()).writer(USER, group_id=group) as writer:
            for shape in ("polygon", "mask"):
                image = server.add_image("a.tif", pixels, owner=USER, group=GROUP)
                key, image_of_labels = OutputKey(run_id=RunId(f"run-{shape}"), output="rois"), labels()
                for what in ("made", "again"):
                    began, worked = time.monotonic(), time.process_time()
                    count = writer.put_rois(key, image_of_labels, image, RoiSettings(shape=shape))
                    took, own = time.monotonic() - began, time.process_time() - worked
                    print(f"{shape:8} {what:6} {count:6} {took:6.1f} s, own {own:4.1f} s", flush=True)


if __name__ == "__main__":
    main()
