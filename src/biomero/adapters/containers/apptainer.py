"""Workflows in container images, run by Apptainer or its sister Singularity."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from biomero.adapters.containers.binds import bind_options
from biomero.adapters.containers.scripts import last_lines, script
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.shell import CommandResult, RemoteShell
from biomero.application.ports.workflows import Workflow
from biomero.domain.image_reference import ImageReference
from biomero.errors import ContainerImageError, RemoteCommandError, UnparsableOutputError

_NAMES = ("apptainer", "singularity")
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What to look for, and what to pull if it is not there."""

    folder: str
    names: tuple[str, ...]
    source: str = ""

    @property
    def title(self) -> str:
        return self.source or f"{self.folder}/{self.names[0]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image on the cluster."""

    path: str
    digest: str
    working_folder: str


class ApptainerRuntime:
    """Runs workflows from SIF files; see `ContainerRuntime`.

    Parameters
    ----------
    images_folder
        Where SIF files are kept on the cluster; relative to the home folder if not absolute.
    executable
        ``apptainer`` or ``singularity``, by name or by absolute path.
    modules
        Environment modules that bring the executable, on login and compute nodes alike.
    image_override
        Used in place of what descriptors say: the path of a SIF file on the cluster, or an image's name.
    environment
        Set while pulling, such as ``APPTAINER_TMPDIR``.
    pull_timeout_s
        How long pulling and hashing an image may take.
    """

    def __init__(
        self,
        shell: RemoteShell,
        images_folder: str,
        *,
        executable: str = "apptainer",
        modules: Sequence[str] = (),
        image_override: str | None = None,
        environment: Mapping[str, str] | None = None,
        pull_timeout_s: float = 3600.0,
    ) -> None:
        self._name = PurePosixPath(executable).name
        if self._name not in _NAMES:
            raise ContainerImageError(f"unknown container runtime {executable!r}; use {' or '.join(_NAMES)}")
        for module in modules:
            if not _MODULE.fullmatch(module):
                raise ContainerImageError(f"not the name of an environment module: {module!r}")
        if not images_folder.isprintable():
            raise ContainerImageError(f"the folder of images has an unusable name: {images_folder!r}")
        self._shell = shell
        self._images_folder = images_folder
        self._executable = executable
        self._modules = " ".join(modules)
        self._image_override = image_override
        self._environment = dict(environment or {})
        self._pull_timeout_s = pull_timeout_s
        # Waiting for others ends before the command is given up, so that the message can say so
        self._wait_s = pull_timeout_s * 0.9

    @property
    def name(self) -> str:
        """See `ContainerRuntime.name`."""
        return self._name

    def prepare(
        self, workflow: Workflow, *, binds: Sequence[str] = (), gpu: bool = False, entry_point: bool = True
    ) -> PreparedProgram:
        """See `ContainerRuntime.prepare`; one remote command."""
        options = bind_options(binds)
        wanted = self._wanted(workflow)
        image = self._ensure(wanted)
        # Entry points name their program in full; a bare command line is meant from the image's own folder.
        is_named = not entry_point and image.working_folder.startswith("/")
        folder = image.working_folder if is_named else "/tmp"  # noqa: S108 - the container's own
        container = (
            *(self._executable, "--quiet", "run" if entry_point else "exec"),
            *("--cleanenv", "--contain", "--pwd", folder),
            *options,
            *(("--nv",) if gpu else ()),
            image.path,
        )
        around = ("-c", script("run_image.sh"), "run_image", self._name.upper(), self._modules)
        return PreparedProgram(
            argv=(*self._interpreter, *around, *container),
            runs_entry_point=entry_point,
            identity=image.digest,
        )

    @property
    def _interpreter(self) -> tuple[str, ...]:
        """The shell that runs our scripts; only a login shell knows modules."""
        return ("bash", "-l") if self._modules else ("sh",)

    def _wanted(self, workflow: Workflow) -> _Wanted:
        """Say which image a workflow needs."""
        described = workflow.descriptor.container_image
        text = self._image_override or (described.name if described else None)
        if text is None:
            raise ContainerImageError(
                f"{workflow.descriptor.name} names no container image; use --runtime process, or add one to "
                f"{workflow.descriptor_file.name}"
            )
        if self._image_override and self._image_override.endswith(".sif"):
            path = PurePosixPath(self._image_override)
            if not self._image_override.isprintable():
                raise ContainerImageError(f"the image has an unusable name: {self._image_override!r}")
            return _Wanted(folder=str(path.parent), names=(path.name,))
        # Only the address of a repository has a version that images are tagged with.
        version = workflow.version if workflow.is_pinned else None
        reference = ImageReference.parse(text).at(version)
        return _Wanted(folder=self._images_folder, names=reference.file_names, source=reference.address)

    def _ensure(self, wanted: _Wanted) -> _Image:
        """Find the image on the cluster, or have it pulled."""
        result = self._shell.run(
            (
                *(*self._interpreter, "-c", script("ensure_image.sh"), "ensure_image"),
                *(self._executable, self._modules, f"{self._wait_s:.0f}"),
                *(wanted.folder, wanted.source, *wanted.names),
            ),
            env=self._environment,
            timeout_s=self._pull_timeout_s,
        )
        if not result.ok:
            raise self._error(wanted, result)
        try:
            image, note = result.stdout.splitlines()[-2:]
            return _Image(path=image, **{key: json.loads(note)[key] for key in ("digest", "working_folder")})
        except (ValueError, KeyError) as exc:
            raise UnparsableOutputError(
                f"what was said about {wanted.title} cannot be read: {result.stdout[-500:]!r}"
            ) from exc

    def _error(self, wanted: _Wanted, result: CommandResult) -> ContainerImageError | RemoteCommandError:
        """Say why there is no image, and what to do."""
        said = last_lines(result.stderr)
        match result.exit_status:
            case 64:
                text = f"there is no image {wanted.title} on the cluster; check the path"
            case 65:
                text = (
                    f"{self._executable} is not on the cluster's login node, so that {wanted.title} cannot "
                    f"be pulled; name the environment modules that bring it, or put the image there as "
                    f"{wanted.folder}/{wanted.names[0]} ({said})"
                )
            case 66:
                text = (
                    f"{wanted.title} cannot be pulled: {said}; check its name and the cluster's access to "
                    f"its registry, or put the image there as {wanted.folder}/{wanted.names[0]}"
                )
            case 67:
                text = f"{said} is not a whole SIF image; remove it and try again"
            case 68:
                text = f"{wanted.folder} cannot be used for images: {said}"
            case 75:
                text = f"another pull of {wanted.title} takes over {self._wait_s:.0f} s; try again later"
            case status:
                return RemoteCommandError(f"looking for {wanted.title} ended with status {status}: {said}")
        return ContainerImageError(text)
