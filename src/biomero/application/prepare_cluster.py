"""Use case: have everything on a cluster that runs will need, ahead of them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import ContainerRuntime
from biomero.application.ports.image_store import StoredImage, WantedImage
from biomero.application.ports.workflows import CONVERTER, Workflow, WorkflowCatalogue
from biomero.application.services import WorkflowServices
from biomero.application.submit_run import default_runtime
from biomero.application.workflow_image import wanted_image
from biomero.domain.image_files import read_file_name
from biomero.domain.image_reference import ImageReference
from biomero.errors import (
    BiomeroError,
    RemoteCommandError,
    RemotePermissionError,
    RemoteTimeoutError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
    TransferError,
    UnparsableOutputError,
    UsageError,
)

_OF_ONE_ITEM = (
    UsageError,
    RemoteCommandError,
    RemoteTimeoutError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
    TransferError,
    UnparsableOutputError,
)
"""What keeps one item from being ready; the others may be."""

# Folders for runs and for building images are their owner's only; images and scripts may be for a group.
_FOLDERS = """
ready() {
    [ -d "$1" ] && how=present || how=made
    mkdir -p -- "$1" || exit
    [ -w "$1" ] || { printf '%s is not writable\\n' "$1" >&2; exit 1; }
    where=$(CDPATH= cd -- "$1" && pwd -P) || exit
    printf 'biomero:%s %s\\n' "$how" "$where"
}
umask 077
ready "$1"
ready "$1/runs"
chmod 700 -- "$1/runs" || exit
shift
while [ $# -gt 0 ]; do
    case $1 in
    open) umask 022 ;;
    closed) umask 077 ;;
    esac
    ready "$2"
    shift 2
done
"""


class Outcome(enum.Enum):
    """What became of an item."""

    MADE = "made"
    PRESENT = "present"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedItem:
    """One thing that runs need on the cluster.

    Parameters
    ----------
    kind
        ``folder``, ``image``, ``environment`` or ``converter``.
    detail
        Where it is, or why it cannot be had.
    digest
        What it is, exactly, for images and environments.
    """

    kind: str
    name: str
    outcome: Outcome
    detail: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareUpdate:
    """One moment of the preparation: which item of how many, and what goes on with it."""

    kind: str
    name: str
    message: str
    number: int
    total: int


PrepareListener = Callable[[PrepareUpdate], None]


def say_nothing(update: PrepareUpdate) -> None:
    """Show nothing; see `PrepareListener`."""


def prepare_cluster(
    cluster: Cluster,
    services: WorkflowServices,
    *,
    workflows: Sequence[str] = (),
    images: Mapping[str, Path] | None = None,
    listener: PrepareListener = say_nothing,
) -> list[PreparedItem]:
    """Have folders, converters and workflows ready on a cluster.

    What is there stays as it is, so that a second time changes nothing. What cannot be had does not keep the
    others from being ready.

    Parameters
    ----------
    workflows
        Names, paths or addresses; without any, all that the configuration names for this cluster.
    images
        SIF files of this machine to be sent as the images of workflows, or of our own converter.

    Raises
    ------
    RemotePermissionError
        If a folder cannot be made.
    ClusterError
        If the cluster cannot be reached.
    """
    files = dict(images or {})
    return [
        *prepare_folders(cluster),
        *prepare_converters(cluster, services, file=files.pop(CONVERTER, None), listener=listener),
        *prepare_workflows(cluster, services, names=workflows, images=files, listener=listener),
    ]


def prepare_folders(cluster: Cluster) -> list[PreparedItem]:
    """Make the folders for runs, job scripts, images and converters; one remote command.

    Raises
    ------
    RemotePermissionError
        If one cannot be made or written.
    ClusterError
        If the cluster cannot be reached.
    """
    settings = cluster.settings
    others = {
        "job scripts": ("open", settings.script_path),
        "images": ("open", settings.images_path),
        "converters": ("open", settings.converters_path),
        "temporary": ("closed", settings.pulls.temporary_folder),
        "cache": ("closed", settings.pulls.cache_folder),
    }
    wanted = {name: (how, folder) for name, (how, folder) in others.items() if folder}
    words = [word for pair in wanted.values() for word in pair]
    result = cluster.shell.run(("sh", "-c", _FOLDERS, "sh", settings.data_path, *words))
    if not result.ok:
        raise RemotePermissionError(
            f"a folder cannot be made or written on {settings.name}: "
            f"{result.stderr.strip() or 'no permission'}"
        )
    rows = [
        line.removeprefix("biomero:") for line in result.stdout.splitlines() if line.startswith("biomero:")
    ]
    return [
        PreparedItem(kind="folder", name=name, outcome=Outcome(how), detail=path)
        for name, (how, _, path) in zip(
            ("data", "runs", *wanted), (row.partition(" ") for row in rows), strict=False
        )
    ]


def prepare_converters(
    cluster: Cluster,
    services: WorkflowServices,
    *,
    file: Path | None = None,
    listener: PrepareListener = say_nothing,
) -> list[PreparedItem]:
    """Have our own converter ready, as a run would use it, and the images of other converters.

    Parameters
    ----------
    file
        A SIF file of this machine to be sent as the image of our own converter.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached.
    """
    listener(PrepareUpdate(kind="converter", name=CONVERTER, message="", number=1, total=1))
    wanted: dict[str, WantedImage | BiomeroError] = {}
    if file is not None:
        found = services.workflows.find(CONVERTER)
        wanted["image of zarr-to-tiff"] = wanted_image(
            found, folder=cluster.settings.converters_path, file=file
        )
    for kind, image in services.settings.converters.items():
        try:
            wanted[f"convert_{kind}"] = converter_image(
                f"convert_{kind}", image, cluster.settings.converters_path
            )
        except UsageError as exc:
            wanted[f"convert_{kind}"] = exc
    images = list(_fetched("converter", wanted, cluster, listener))
    own = _environment("converter", CONVERTER, cluster.converter, services.workflows)
    return [own, *images]


def prepare_workflows(
    cluster: Cluster,
    services: WorkflowServices,
    *,
    names: Sequence[str] = (),
    images: Mapping[str, Path] | None = None,
    listener: PrepareListener = say_nothing,
) -> list[PreparedItem]:
    """Have the images of workflows ready, and the environments of those that run without a container.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached.
    """
    files = dict(images or {})
    chosen = list(dict.fromkeys([*names, *files])) or _configured(cluster, services)
    wanted: dict[str, WantedImage | BiomeroError] = {}
    processes: list[str] = []
    for name in chosen:
        try:
            workflow = services.workflows.find(name)
            if name not in files and default_runtime(workflow, services) == "process":
                processes.append(name)
            else:
                wanted[name] = _workflow_image(name, workflow, cluster, services, files.get(name))
        except UsageError as exc:
            wanted[name] = exc
    found = {item.name: item for item in _fetched("image", wanted, cluster, listener)}
    runtime = cluster.runtime("process", python=None, image=None)
    for number, name in enumerate(processes, start=1):
        listener(
            PrepareUpdate(kind="environment", name=name, message="", number=number, total=len(processes))
        )
        found[name] = _environment("environment", name, runtime, services.workflows)
    return [found[name] for name in chosen]


def _configured(cluster: Cluster, services: WorkflowServices) -> list[str]:
    """Return the workflows of the configuration that run on this cluster."""
    workflows = services.settings.workflows.items()
    return [name for name, w in workflows if w.cluster is None or w.cluster == cluster.settings.name]


def _workflow_image(
    name: str, workflow: Workflow, cluster: Cluster, services: WorkflowServices, file: Path | None
) -> WantedImage:
    own = services.settings.workflows.get(name)
    return wanted_image(
        workflow,
        folder=cluster.settings.images_path,
        subfolder=own.image_folder if own else "",
        file=file,
    )


def converter_image(name: str, image: str, folder: str) -> WantedImage:
    """Return the image of a configured converter, by its address or as a file of this machine.

    Raises
    ------
    ContainerImageError
        If it is no name of an image.
    """
    if image.endswith(".sif"):
        file = Path(image).expanduser()
        read = read_file_name(file.name)
        return WantedImage(
            folder=folder, names=(f"{name}_{read.version if read else 'latest'}.sif",), file=file
        )
    reference = ImageReference.parse(image).at(None)
    return WantedImage(folder=folder, names=reference.file_names_as(name), source=reference.address)


def _fetched(
    kind: str,
    wanted: Mapping[str, WantedImage | BiomeroError],
    cluster: Cluster,
    listener: PrepareListener,
) -> Iterator[PreparedItem]:
    images = {name: image for name, image in wanted.items() if isinstance(image, WantedImage)}
    names = list(images)
    numbers = {image: number for number, image in enumerate(images.values(), start=1)}

    def show(image: WantedImage, message: str) -> None:
        number = numbers[image]
        listener(
            PrepareUpdate(kind=kind, name=names[number - 1], message=message, number=number, total=len(names))
        )

    fetched = dict(zip(names, cluster.images.fetch(list(images.values()), show=show), strict=True))
    for name, image in wanted.items():
        yield _item(kind, name, image if isinstance(image, BiomeroError) else fetched[name])


def _item(kind: str, name: str, found: StoredImage | BiomeroError) -> PreparedItem:
    if isinstance(found, BiomeroError):
        return PreparedItem(kind=kind, name=name, outcome=Outcome.FAILED, detail=str(found))
    outcome = Outcome.MADE if found.was_made else Outcome.PRESENT
    return PreparedItem(kind=kind, name=name, outcome=outcome, detail=found.path, digest=found.digest)


def _environment(
    kind: str, name: str, runtime: ContainerRuntime, catalogue: WorkflowCatalogue
) -> PreparedItem:
    try:
        program = runtime.prepare(catalogue.find(name), entry_point=False)
    except _OF_ONE_ITEM as exc:
        return PreparedItem(kind=kind, name=name, outcome=Outcome.FAILED, detail=str(exc))
    return PreparedItem(
        kind=kind,
        name=name,
        outcome=Outcome.MADE if program.was_made else Outcome.PRESENT,
        detail=program.folder or program.argv[-1],
        digest=program.identity,
    )
