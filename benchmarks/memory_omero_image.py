"""Peak memory of the process that exports a large image of OMERO, beside what is promised: 1 GiB.

python benchmarks/memory_omero_image.py 4

Starts the test server of OMERO (`tests/omero_server`) and exports, over Ice with TLS, images of so many GB to
OME-Zarr: one of many planes of 2048 by 2048 pixels, and one of a single plane of 20,000 pixels across, for
which OMERO has a pyramid. Each export is a process of its own whose memory is watched in /proc. The pixels
compress as badly as noise does, and a part of each store is compared with them. Exit status 1 says that an
export took more than the limit. Needs disk space of about twice the size; all of it is freed at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import numpy as np  # noqa: E402 - after the path above
from memory_large_image import Peak, start, watch  # noqa: E402

from biomero.adapters.ngff import NgffSource, NgffWriter  # noqa: E402
from biomero.adapters.omero import IceOmero  # noqa: E402
from biomero.adapters.omero.session import open_session  # noqa: E402
from biomero.adapters.system import SystemClock  # noqa: E402
from biomero.application.ports.pyramids import PyramidSettings  # noqa: E402
from biomero.application.settings import OmeroSettings  # noqa: E402
from services.omero_server import PASSWORD, OmeroServer, omero_server_in  # noqa: E402

USER, GROUP = "alice", "lab"
SIDE, WIDTH = 2048, 20_000
_NOISE = np.random.default_rng(5).integers(90, 400, 1 << 24, dtype=np.uint16).astype(">u2")


def shapes(size_gb: float) -> dict[str, tuple[int, int, int]]:
    """Return images by what they are called, each as (z, y, x)."""
    pixels = size_gb * 1e9 / 2
    return {
        "planes": (max(1, round(pixels / SIDE**2)), SIDE, SIDE),
        "pyramid": (1, max(1, round(pixels / WIDTH)), WIDTH),
    }


def export(server: str, port: int, image: int, target: Path) -> None:
    """Export as a run does; runs in a process of its own."""
    settings = OmeroSettings(host=server, port=port, user=USER, password=PASSWORD, is_sudo=False)
    with IceOmero(settings, SystemClock()).reader(USER) as reader, reader.open(image) as opened:
        NgffWriter().write(opened, target, PyramidSettings())


def make(server: OmeroServer, shape: tuple[int, int, int]) -> tuple[int, np.ndarray]:
    """Make an image at OMERO; return its id, and its pixels as they lie on the server's disk."""
    z, y, x = shape
    settings = OmeroSettings(host=server.url, user=USER, password=PASSWORD, is_sudo=False)
    with open_session(settings, USER) as session:
        types = session.factory.getQueryService().findAllByQuery(
            "select p from PixelsType p where p.value = 'uint16'", None
        )
        made = session.factory.getPixelsService().createImage(x, y, z, 1, [0], types[0], "large", "")
    (number,) = [row["id"] for row in server.rows("Pixels") if row["image"] == made.val]
    file = server.folder / "state" / "Pixels" / str(number)
    left = z * y * x
    with file.open("wb") as pixels:
        while left:
            pixels.write(_NOISE[:left].data)
            left -= min(left, _NOISE.size)
    return int(made.val), np.memmap(file, dtype=">u2", mode="r", shape=shape)


def compare(store: Path, pixels: np.ndarray) -> None:
    """See that what was measured was the right thing, at both ends of the image."""
    z, y, x = pixels.shape
    with NgffSource().open(store) as written:
        for plane, top in ((0, 0), (z - 1, y - 500)):
            found = written.read(z=plane, y=slice(top, top + 500), x=slice(x - 700, x))
            assert np.array_equal(found, pixels[plane, top : top + 500, x - 700 :])


def measure(folder: Path, size_gb: float) -> list[Peak]:
    """Export each image, and return the peaks."""
    peaks: list[Peak] = []
    with omero_server_in(folder / "omero") as server:
        server.add_group(GROUP)
        server.add_user(USER, [GROUP])
        for name, shape in shapes(size_gb).items():
            image, pixels = make(server, shape)
            target = folder / f"{name}.ome.zarr"
            begin = time.monotonic()
            place = (server.host, str(server.tls_port), str(image), target)
            peaks += watch({name: start(sys.executable, __file__, str(size_gb), "--export", *place)})
            seconds = time.monotonic() - begin
            print(
                f"{name:<10} {shape}  {seconds:7.1f} s  {pixels.nbytes / 1e6 / seconds:6.0f} MB/s", flush=True
            )
            compare(target, pixels)
            shutil.rmtree(target)
    return peaks


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table of peaks; 1 says that the promise was broken."""
    parser = argparse.ArgumentParser(description="Peak memory of exporting a large image of OMERO.")
    parser.add_argument("size_gb", type=float, help="size of each image in GB (10^9 bytes)")
    parser.add_argument("--limit-mb", type=int, default=1024, help="what is promised, in MiB")
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder is made in it")
    parser.add_argument("--export", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.export is not None:
        host, port, image, target = options.export
        export(host, int(port), int(image), Path(target))
        return 0
    print(
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M}, {platform.platform()}, load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        peaks = measure(Path(folder), options.size_gb)
    print(f"\n{'image':<16}{'own MiB':>9}{'VmHWM MiB':>11}{'promise MiB':>13}")
    for peak in peaks:
        verdict = "ok" if peak.own < options.limit_mb else "BROKEN"
        print(f"{peak.name:<16}{peak.own:>9.0f}{peak.resident:>11.0f}{options.limit_mb:>13}  {verdict}")
    return int(any(peak.own >= options.limit_mb for peak in peaks))


if __name__ == "__main__":
    sys.exit(main())
