"""What the calls of one `SlurmClient` share: the cluster, and where data folders are on it."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import cached_property

from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.shell import CommandResult
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.settings import Settings
from biomero.domain.file_names import check_name
from biomero.errors import RemoteCommandError, RemotePermissionError, UnsafePathError

_OURS = frozenset({"runs", "cache", "workflows", "environments"})
"""Folders beside the data folders that are not for scripts."""

_FIND_ROOT = """
umask 077
mkdir -p -- "$1" && CDPATH= cd -- "$1" && [ -w . ] || exit 1
printf 'biomero:root\\n%s\\n' "$(pwd -P)"
"""

_FIND_RUNTIME = """
for name in apptainer singularity; do
    if command -v "$name" >/dev/null; then printf 'biomero:runtime %s\\n' "$name"; exit; fi
done
"""

_WRITE = 'umask 077; mkdir -p -- "${1%/*}" && cat >"$1.part" && mv -f -- "$1.part" "$1"'


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolder:
    """The folder of one set of images on the cluster."""

    name: str
    path: str

    @property
    def zip(self) -> str:
        """The archive that it is unpacked from."""
        return f"{self.path}.zip"

    @property
    def data(self) -> str:
        """What workflows see."""
        return f"{self.path}/data"

    @property
    def input(self) -> str:
        """What workflows read."""
        return f"{self.path}/data/in"

    @property
    def output(self) -> str:
        """What workflows write."""
        return f"{self.path}/data/out"

    @property
    def ground_truth(self) -> str:
        """A folder that BIAFLOWS workflows want to see."""
        return f"{self.path}/data/gt"

    @property
    def jobs(self) -> str:
        """Job scripts, and what jobs leave behind."""
        return f"{self.path}/jobs"

    @property
    def logs(self) -> str:
        """What jobs print."""
        return f"{self.path}/logs"


@dataclass(frozen=True, kw_only=True)  # no slots: the root is looked up once
class ScriptSession:
    """A script's way to one cluster."""

    cluster: Cluster
    settings: Settings
    workflows: WorkflowCatalogue
    clock: Clock

    @cached_property
    def root(self) -> str:
        """The folder that has all data folders, absolute and without links; made if it is missing.

        Raises
        ------
        RemotePermissionError
            If it cannot be made or written to.
        """
        path = self.cluster.settings.data_path
        result = self.cluster.shell.run(("sh", "-c", _FIND_ROOT, "sh", path))
        _, found, place = result.stdout.rpartition("biomero:root\n")
        if not result.ok or not found:
            raise RemotePermissionError(
                f"the data folder {path} cannot be used on {self.cluster.settings.name}: "
                f"{result.stderr.strip()}"
            )
        return place.removesuffix("\n")

    @cached_property
    def container_runtime(self) -> str:
        """The name of the container runtime that the cluster has; environment modules may bring another."""
        said = self.cluster.shell.run(("sh", "-c", _FIND_RUNTIME)).stdout
        return said.rpartition("biomero:runtime ")[2].strip() or "apptainer"

    def folder(self, name: str) -> DataFolder:
        """Return the data folder of a name; it need not be there.

        Raises
        ------
        UnsafePathError
            If the name has parts, begins with a dot, or is that of a folder of our own; also if it has
            characters, such as line breaks, with which no container can be shown a folder.
        """
        check_name(name)
        if "/" in name or name.startswith(".") or name in _OURS or not name.isprintable():
            raise UnsafePathError(f"{name!r} is no name of a data folder")
        return DataFolder(name=name, path=f"{self.root}/{name}")

    def locate(self, path: str) -> DataFolder:
        """Return the data folder that a path, absolute or below the home folder, leads to.

        Raises
        ------
        UnsafePathError
            If it leads anywhere else.
        """
        for root in (self.root, self.cluster.settings.data_path):
            start = root.rstrip("/") + "/"
            if path.startswith(start):
                return self.folder(path[len(start) :].rstrip("/"))
        raise UnsafePathError(f"{path!r} is not below the data folder {self.root}")

    def inside(self, path: str) -> tuple[DataFolder, str]:
        """Return the data folder that a path is in, and the rest of the path.

        Raises
        ------
        UnsafePathError
            If it leads anywhere else.
        """
        for root in (self.root, self.cluster.settings.data_path):
            start = root.rstrip("/") + "/"
            if path.startswith(start):
                name, _, rest = path[len(start) :].rstrip("/").partition("/")
                return self.folder(name), check_name(rest) if rest else ""
        raise UnsafePathError(f"{path!r} is not below the data folder {self.root}")

    def run(self, script: str, *arguments: str, stdin: bytes = b"", timeout_s: float = 60.0) -> CommandResult:
        """Run one of our constant scripts with arguments; an exit status other than 0 is a result."""
        return self.cluster.shell.run(
            ("sh", "-c", script, "sh", *arguments),
            stdin=stdin,
            env={"LC_ALL": "C.UTF-8"},
            timeout_s=timeout_s,
        )

    def write_file(self, path: str, text: str) -> None:
        """Write a small file on the cluster, whole or not at all, for nobody else to read.

        Raises
        ------
        RemoteCommandError
            If it cannot be written.
        """
        result = self.run(_WRITE, path, stdin=text.encode(errors="surrogateescape"))
        if not result.ok:
            raise RemoteCommandError(
                f"{posixpath.basename(path)} could not be written in {posixpath.dirname(path)}: "
                f"{result.stderr.strip()}"
            )
