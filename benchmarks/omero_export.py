"""Exporting an image of OMERO to OME-Zarr: over Ice and from its original file, beside omero-cli-zarr.

Starts the test server of OMERO (`tests/omero_server`), makes an image of 2048 by 2048 pixels, 20 planes and
3 channels in it, and prints one table::

    python benchmarks/omero_export.py [DEPTH] [REPEATS]

Every way begins with a login and ends with a store on disk, all in one run on one machine; the best of the
repeats counts. omero-cli-zarr is unmodified and runs as its users run it, as a program.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

import numpy as np  # noqa: E402 - after the path above
import tifffile  # noqa: E402

from biomero.adapters.ngff import NgffSource, NgffWriter  # noqa: E402
from biomero.adapters.omero import IceOmero  # noqa: E402
from biomero.adapters.system import SystemClock  # noqa: E402
from biomero.adapters.tiff import TiffSource  # noqa: E402
from biomero.application.ports.pyramids import PyramidSettings  # noqa: E402
from biomero.application.settings import OmeroSettings  # noqa: E402
from biomero.testing.images import GeneratedImage  # noqa: E402
from services.omero_server import PASSWORD, OmeroServer, omero_server_in  # noqa: E402

CHANNELS, SIDE = 3, 2048
DEFAULTS = (20, 2)
"""Planes along z, and repeats."""

USER, GROUP = "alice", "lab"


def pixels_of(depth: int) -> np.ndarray:
    """Return pixels that compress as those of a microscope do, axes (t, c, z, y, x)."""
    image = GeneratedImage("czyx", (CHANNELS, depth, SIDE, SIDE))
    pixels = np.empty((1, CHANNELS, depth, SIDE, SIDE), np.uint16)
    for c, z in np.ndindex(CHANNELS, depth):
        pixels[0, c, z] = image.read(c=c, z=z, y=slice(0, SIDE), x=slice(0, SIDE))
    return pixels


def ours(settings: OmeroSettings, image: int, folder: Path) -> None:
    """Export as a run does."""
    omero = IceOmero(settings, SystemClock(), TiffSource())
    with omero.reader(USER) as reader, reader.open(image) as opened:
        NgffWriter().write(opened, folder / "image.zarr", PyramidSettings(version="0.4"))


def only_read(settings: OmeroSettings, image: int, _: Path) -> None:
    """Read every plane, and write nothing."""
    omero = IceOmero(settings, SystemClock())
    with omero.reader(USER) as reader, reader.open(image) as opened:
        for c, z in np.ndindex(CHANNELS, opened.metadata.size("z")):
            opened.read(c=c, z=z, y=slice(0, SIDE), x=slice(0, SIDE))


def theirs(server: OmeroServer, image: int, folder: Path, *, port: int) -> None:
    """Export with omero-cli-zarr."""
    login = ("login", "-s", server.host, "-p", str(port), "-u", USER, "-w", PASSWORD)
    # the program of that name refuses to be run as root
    entry = "import sys; from omero.cli import argv; sys.argv[0] = 'omero'; sys.exit(argv())"
    env = {"OMERO_SESSIONDIR": str(folder / "sessions"), "OMERODIR": str(server.folder)}
    for words in (login, ("zarr", "export", f"Image:{image}")):
        done = server.run("-c", entry, *words, cwd=folder, env=env, timeout_s=3600)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)


def best(export: Callable[[Path], None], repeats: int, parent: Path) -> float:
    """Return the shortest time, each into an empty folder."""
    times = []
    for _ in range(repeats):
        folder = Path(tempfile.mkdtemp(dir=parent))
        began = time.monotonic()
        export(folder)
        times.append(time.monotonic() - began)
        shutil.rmtree(folder)
    return min(times)


def main() -> None:
    """Measure."""
    depth, repeats = map(int, (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory() as name, omero_server_in(Path(name) / "omero") as server:
        parent = Path(name)
        pixels = pixels_of(depth)
        server.add_group(GROUP)
        server.add_user(USER, [GROUP])
        image = server.add_image("i", pixels, owner=USER, group=GROUP)
        file = parent / "i.ome.tif"
        tifffile.imwrite(file, pixels[0], metadata={"axes": "CZYX"}, photometric="minisblack")
        server.add_fileset("alice/1", {"i.ome.tif": file}, [image], owner=USER, group=GROUP)
        file.unlink()

        plain = OmeroSettings(host=server.url, user=USER, password=PASSWORD, is_sudo=False)
        tls = replace(plain, host=server.host, port=server.tls_port)
        local = replace(plain, repository=server.repository)
        ways: dict[str, Callable[[Path], None]] = {
            "omero-cli-zarr, TLS": lambda f: theirs(server, image, f, port=server.tls_port),
            "BIOMERO over Ice, TLS": lambda f: ours(tls, image, f),
            "BIOMERO over Ice, no TLS": lambda f: ours(plain, image, f),
            "BIOMERO, original file": lambda f: ours(local, image, f),
            "only reading over Ice, TLS": lambda f: only_read(tls, image, f),
            "only reading over Ice, no TLS": lambda f: only_read(plain, image, f),
        }
        megabytes = pixels.nbytes / 1e6
        print(f"{platform.node()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
        print(f"{megabytes:.0f} MB of {pixels.shape} uint16, best of {repeats}\n")
        first = None
        for way, export in ways.items():
            seconds = best(export, repeats, parent)
            first = first or seconds
            print(
                f"{way:32} {seconds:7.2f} s {megabytes / seconds:7.1f} MB/s   x {first / seconds:.1f}",
                flush=True,
            )
        check(plain, image, pixels, parent)


def check(settings: OmeroSettings, image: int, pixels: np.ndarray, parent: Path) -> None:
    """See that what was measured was the right thing."""
    ours(settings, image, parent)
    with NgffSource().open(parent / "image.zarr") as written:
        for c, z in np.ndindex(*pixels.shape[1:3]):
            plane = written.read(c=c, z=z, y=slice(0, SIDE), x=slice(0, SIDE))
            assert np.array_equal(plane, pixels[0, c, z])


if __name__ == "__main__":
    main()
