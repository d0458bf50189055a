"""What converts images on the cluster: our own program, or a container image that a facility names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from biomero.application.compose_command import compose_command
from biomero.application.ports.workflows import CONVERTER, Workflow
from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.domain.command_line import build_arguments
from biomero.domain.descriptor import ContainerImage, DescriptorFormat, WorkflowDescriptor
from biomero.domain.image_reference import ImageReference
from biomero.errors import ConfigurationError

_SHARE_FOR_PIXELS = 0.6  # of the memory asked for; the rest is Python, libraries and buffers
_LEAST_MB = 256  # what our own program takes at least

# $1 folder of the images  $2 where results go  $3 number of images; then number and name of each, then the
# command, which is given a link to an image as its last word, so that its results stand apart.
_EACH = """
in=$1 staging=$2 count=$3
shift 3
items=("${@:1:2*count}")
shift $((2 * count))
child=
trap 'kill -TERM "$child" 2>/dev/null' TERM
for ((i = 0; i < 2 * count; i += 2)); do
    place=$staging/${items[i]} source=${items[i + 1]}
    rm -rf -- "$place" && mkdir -p -- "$place" && ln -s -- "$in/$source" "$place/$source" || exit 1
    "$@" "$place/$source" </dev/null &
    child=$!
    wait "$child" || exit
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An image to convert: its name in the input folder, and what its result is to be called."""

    index: int
    source: str
    target: str


class Converter(Protocol):
    """Makes the commands of the array tasks."""

    def commands(
        self, items: Sequence[Item], staging: str, *, tasks: int, memory_mb: int
    ) -> list[tuple[str, ...]]:
        """Return a command for each task, of which number I takes the items I, I + tasks, and so on.

        Each item's result goes to ``<staging>/<index>/``.
        """
        ...

    @property
    def environment(self) -> dict[str, str]:
        """Variables for the commands."""
        ...


class OwnConverter:
    """Our own program for OME-Zarr to OME-TIFF."""

    def __init__(self, session: ScriptSession, folder: DataFolder, key: str) -> None:
        self._session = session
        self._folder = folder
        self._key = key
        self._workflow = session.workflows.find(CONVERTER)
        self._program = session.cluster.converter.prepare(
            self._workflow, binds=[folder.path], entry_point=False
        )

    @property
    def environment(self) -> dict[str, str]:
        """See `Converter.environment`."""
        return dict(self._program.env)

    def commands(
        self, items: Sequence[Item], staging: str, *, tasks: int, memory_mb: int
    ) -> list[tuple[str, ...]]:
        """See `Converter.commands`; what is to be converted is written down in one list."""
        listed = [{"source": item.source, "target": f"{item.index}/{item.target}"} for item in items]
        path = f"{self._folder.jobs}/{self._key}.json"
        self._session.write_file(path, json.dumps(listed))
        memory = max(int(memory_mb * _SHARE_FOR_PIXELS), _LEAST_MB)
        commands = []
        for task in range(tasks):
            line = build_arguments(
                self._workflow.descriptor,
                {"list": path, "task": task, "tasks": tasks, "max_memory_mb": memory},
                input_folder=self._folder.input,
                output_folder=staging,
                ground_truth_folder=self._folder.ground_truth,
            )
            commands.append(compose_command(self._program, program=line.program, arguments=line.arguments))
        return commands


class ImageConverter:
    """A container image that takes one path and writes its results beside that."""

    def __init__(self, session: ScriptSession, folder: DataFolder, pair: str, image: str) -> None:
        reference = ImageReference.parse(image)
        settings = session.cluster.settings
        file = f"{settings.converters_path.rstrip('/')}/convert_{pair}_{reference.tag or 'latest'}.sif"
        descriptor = WorkflowDescriptor(
            name=pair,
            description=f"Converts {pair.replace('_', ' ')}",
            format=DescriptorFormat.BIAFLOWS,
            container_image=ContainerImage(name=image),
            command_line=(),
            parameters=(),
        )
        workflow = Workflow(
            reference=pair, descriptor=descriptor, folder=Path(), descriptor_file=Path(), version=""
        )
        runtime = session.cluster.runtime(session.container_runtime, python=None, image=file)
        self._folder = folder
        self._program = runtime.prepare(workflow, binds=[folder.path])

    @property
    def environment(self) -> dict[str, str]:
        """See `Converter.environment`."""
        return dict(self._program.env)

    def commands(
        self,
        items: Sequence[Item],
        staging: str,
        *,
        tasks: int,
        memory_mb: int,  # noqa: ARG002 - its own matter
    ) -> list[tuple[str, ...]]:
        """See `Converter.commands`."""
        command = compose_command(self._program, program=(), arguments=())
        made = []
        for task in range(tasks):
            own = items[task::tasks]
            words = [word for item in own for word in (str(item.index), item.source)]
            around = ("bash", "-c", _EACH, "bash", self._folder.input, staging, str(len(own)))
            made.append((*around, *words, *command))
        return made


def converter_for(
    session: ScriptSession, folder: DataFolder, key: str, *, source: str, target: str
) -> Converter:
    """Return what converts from one format to another: what the facility names, or else our own.

    Raises
    ------
    ConfigurationError
        If nothing does.
    ContainerImageError, ClusterError
        As `ContainerRuntime.prepare` raises.
    """
    pair = f"{source}_to_{target}"
    image = session.settings.converters.get(pair)
    if image:
        return ImageConverter(session, folder, pair, image)
    if pair == "zarr_to_tiff":
        return OwnConverter(session, folder, key)
    known = ", ".join(sorted({"zarr_to_tiff", *session.settings.converters}))
    raise ConfigurationError(
        f"nothing converts {source} to {target}; there are: {known}. "
        f"Name a container image as {pair} in [CONVERTERS]"
    )
