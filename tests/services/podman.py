"""Podman, of Debian: builds container images and runs them, where no container engine is running.

Images and the layers that they are made of are kept once a machine, as building takes some minutes.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from services.packages import ensure_packages as ensure

# runc: Debian's crun refuses machines with both versions of control groups
PACKAGES = ("podman", "buildah", "runc", "debootstrap")
_RUN = Path("/run/biomero-test-containers")
"""What runs now; gone when the machine starts anew, unlike the images."""
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_SETTINGS = """
[containers]
# more than this machine itself allows cannot be asked for
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""


Done = subprocess.CompletedProcess[str]


class PodmanError(Exception):
    """A command of Podman failed; the message holds its last words."""


def ensure_packages() -> None:
    """Install it; nothing is started by that."""
    ensure(PACKAGES)


def podman_of_this_machine() -> Podman:
    """Return the one whose images last from session to session, in any clone."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Podman(cache / "biomero" / "containers")


class Podman:
    """One store of images and containers.

    Parameters
    ----------
    folder
        Has everything of it; another store never sees it.
    """

    def __init__(self, folder: Path) -> None:
        ensure_packages()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "containers.conf").write_text(_SETTINGS)
        (folder / "pip.conf").write_text("[global]\ncert = /etc/certificates-of-the-machine.crt\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time make images."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def has_image(self, name: str) -> bool:
        """Say whether an image is there."""
        return self.run("image", "exists", name, must=False).returncode == 0

    def build(
        self,
        name: str,
        dockerfile: Path,
        *,
        context: Path,
        arguments: Mapping[str, str],
        volumes: Mapping[Path, str],
    ) -> str:
        """Build an image; what did not change since last time is taken from there. Return what was said.

        The stage ``build`` gets a name, too: without one, its layers would be swept away with the rest.

        Parameters
        ----------
        volumes
            Folders of this machine that the steps of the build see.
        """
        shared = {
            # machines behind a proxy have certificates of their own, which an image does not know
            _CERTIFICATES: "/etc/certificates-of-the-machine.crt:ro",
            self.folder / "pip.conf": "/etc/pip.conf:ro",
            **volumes,
        }
        words = [
            *("--network=host", "--format=docker", f"--file={dockerfile}"),
            # older releases do not look for it by themselves
            f"--ignorefile={dockerfile}.dockerignore",
            *(f"--volume={here}:{there}" for here, there in shared.items()),
            *(f"--build-arg={key}={value}" for key, value in arguments.items()),
        ]
        with self.locked():
            self.run("build", *words, "--target=build", f"--tag={name}-build", str(context))
            said = self.run("build", *words, f"--tag={name}", str(context)).stdout
            # of sessions that were killed; those of others may be running beside this one
            self.run("container", "prune", "--force", "--filter=until=24h")
            self.run("image", "prune", "--force")
        return said

    @contextmanager
    def container(
        self, image: str, options: Sequence[str], *command: str, network: str = "host"
    ) -> Iterator[Container]:
        """Run a container in the machine's own network or another; it is removed with the block."""
        done = self.run("run", "--detach", f"--network={network}", *options, image, *command)
        container = Container(self, done.stdout.split()[-1])
        try:
            yield container
        finally:
            self.run("rm", "--force", "--volumes", "--time=60", container.name)

    def run(
        self, *words: str, must: bool = True, timeout_s: float = 1500
    ) -> subprocess.CompletedProcess[str]:
        """Run a command.

        Raises
        ------
        PodmanError
            If it must succeed, and does not.
        """
        place = (f"--root={self.folder}/images", f"--runroot={_RUN}")
        done = subprocess.run(
            ("podman", *place, *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
            env={**os.environ, "CONTAINERS_CONF": f"{self.folder}/containers.conf"},
        )
        if must and done.returncode != 0:
            raise PodmanError(f"podman {words[0]}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done


class Container:
    """A container that runs, or has ended."""

    def __init__(self, podman: Podman, name: str) -> None:
        self._podman = podman
        self.name = name

    def do(self, *command: str, must: bool = True) -> Done:
        """Run a command inside, as the container's own account."""
        return self._podman.run("exec", self.name, *command, must=must)

    def is_healthy(self) -> bool:
        """Make the health check that the image has, as an engine does every so often."""
        self._podman.run("healthcheck", "run", self.name, must=False)
        state = self._podman.run("inspect", "--format={{.State.Health.Status}}", self.name)
        return state.stdout.strip() == "healthy"

    def tell_to_end(self) -> None:
        """Send what ``docker stop`` sends."""
        self._podman.run("kill", "--signal=TERM", self.name)

    def exit_code(self) -> int:
        """Wait for its end."""
        return int(self._podman.run("wait", self.name).stdout)

    def said(self) -> str:
        """Return what it printed."""
        done = self._podman.run("logs", self.name)
        return done.stdout + done.stderr
