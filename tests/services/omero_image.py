"""Our images, built on what can be had without a registry of images: a Debian made here."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from services.debian import mirror, release_of_this_machine, run
from services.omero_py import REPOSITORY, ensure_wheel
from services.podman import Podman

DEBIAN = "localhost/debian-of-tests:1"
LIKE_OMERO = "localhost/like-omero-server"
WORKER = "localhost/biomero-worker"
ENGINE = "localhost/biomero-engine"
MACHINE = "localhost/with-systemd"
_FIXTURES = REPOSITORY / "tests" / "fixtures" / "images"
_WHEELS = "/tmp/wheels"
"""Where `deploy/Dockerfile` looks for wheels before it builds one."""


def build_worker(podman: Podman) -> str:
    """Build `deploy/Dockerfile` on a stand-in for OMERO.server's image, and return the new image's name."""
    # in the cache: .../wheels/<system>/<recipe>/<wheel>
    wheels = {ensure_wheel().parents[2]: _WHEELS}
    ensure_debian(podman)
    _build_fixture(podman, LIKE_OMERO)
    # readers of image files would be most of the image, and work in it as they do elsewhere
    arguments = {"OMERO_IMAGE": LIKE_OMERO, "EXTRAS": "omero,postgres"}
    podman.build(
        WORKER,
        REPOSITORY / "deploy" / "Dockerfile",
        context=REPOSITORY,
        arguments=arguments,
        volumes=wheels,
    )
    return WORKER


def build_machine(podman: Podman) -> str:
    """Build a machine with systemd that has what the worker's image has, and return the image's name."""
    build_worker(podman)
    _build_fixture(podman, MACHINE)
    return MACHINE


def build_engine(podman: Podman) -> str:
    """Build `deploy/Dockerfile.engine`, and return the image's name."""
    ensure_debian(podman)
    podman.build(
        ENGINE,
        REPOSITORY / "deploy" / "Dockerfile.engine",
        context=REPOSITORY,
        arguments={"BASE_IMAGE": DEBIAN, "EXTRAS": "postgres"},
        volumes={},
    )
    return ENGINE


def ensure_debian(podman: Podman) -> None:
    """Make the image that both are built on, if it is not there."""
    with podman.locked():
        if podman.has_image(DEBIAN):
            return
        with tempfile.TemporaryDirectory(dir=podman.folder) as scratch:
            tree = Path(scratch, "tree")
            # packages of Python take a while to install, and both images want them
            what = ("--variant=minbase", "--include=python3-venv", release_of_this_machine())
            run("debootstrap", *what, str(tree), mirror())
            run("chroot", str(tree), "apt-get", "clean")
            archive = Path(scratch, "tree.tar")
            with tarfile.open(archive, "w") as packed:
                packed.add(tree, arcname=".")
            podman.run("import", str(archive), DEBIAN)


def _build_fixture(podman: Podman, name: str) -> None:
    folder = _FIXTURES / name.rpartition("/")[2]
    with podman.locked():
        podman.run("build", "--network=host", "--format=docker", f"--tag={name}", str(folder))
