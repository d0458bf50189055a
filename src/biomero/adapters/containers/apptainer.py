"""Workflows in container images, run by Apptainer or its sister Singularity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.adapters.containers.binds import bind_options
from biomero.adapters.containers.image_script import ImageTool
from biomero.adapters.containers.scripts import script
from biomero.adapters.containers.sif_store import SifStore
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.image_store import StoredImage, WantedImage
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.workflows import Workflow
from biomero.application.workflow_image import wanted_image
from biomero.errors import BiomeroError, ContainerImageError


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
        Set while pulling on the login node.
    pull_timeout_s
        How long pulling and hashing an image may take.
    store
        Has images pulled in another way than at once, on the login node.
    subfolders
        Folders of single workflows below the folder of images, by what the workflows are called.
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
        store: SifStore | None = None,
        subfolders: Mapping[str, str] | None = None,
    ) -> None:
        if not images_folder.isprintable():
            raise ContainerImageError(f"the folder of images has an unusable name: {images_folder!r}")
        # Waiting for others ends before the command is given up, so that the message can say so
        tool = ImageTool(executable=executable, modules=tuple(modules), wait_s=pull_timeout_s * 0.9)
        self._store = store or SifStore(
            shell=shell, tool=tool, environment=dict(environment or {}), timeout_s=pull_timeout_s
        )
        self._tool = self._store.tool
        self._images_folder = images_folder
        self._image_override = image_override
        self._subfolders = dict(subfolders or {})

    @property
    def name(self) -> str:
        """See `ContainerRuntime.name`."""
        return self._tool.name

    def prepare(
        self, workflow: Workflow, *, binds: Sequence[str] = (), gpu: bool = False, entry_point: bool = True
    ) -> PreparedProgram:
        """See `ContainerRuntime.prepare`; one remote command, unless images are pulled in jobs."""
        options = bind_options(binds)
        wanted = wanted_image(
            workflow,
            folder=self._images_folder,
            subfolder=self._subfolders.get(workflow.reference, ""),
            override=self._image_override,
        )
        image = self._fetched(wanted)
        # Entry points name their program in full; a bare command line is meant from the image's own folder.
        is_named = not entry_point and image.working_folder.startswith("/")
        folder = image.working_folder if is_named else "/tmp"  # noqa: S108 - the container's own
        container = (
            *(self._tool.executable, "--quiet", "run" if entry_point else "exec"),
            *("--cleanenv", "--contain", "--pwd", folder),
            *options,
            *(("--nv",) if gpu else ()),
            image.path,
        )
        modules = " ".join(self._tool.modules)
        around = ("-c", script("run_image.sh"), "run_image", self._tool.name.upper(), modules)
        return PreparedProgram(
            argv=(*self._tool.interpreter, *around, *container),
            runs_entry_point=entry_point,
            identity=image.digest,
            was_made=image.was_made,
        )

    def _fetched(self, wanted: WantedImage) -> StoredImage:
        (image,) = self._store.fetch([wanted])
        if isinstance(image, BiomeroError):
            raise image
        return image
