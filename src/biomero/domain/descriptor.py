"""A workflow as its author describes it, whichever format the description has."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

ParameterValue = bool | int | float | str
"""A value of a parameter, of the type that the descriptor asks for."""


class DescriptorFormat(enum.Enum):
    """The formats in use; they differ in how a command line is made."""

    BIAFLOWS = "biaflows"
    BIOMERO_SCHEMA = "biomero-schema"
    BILAYERS = "bilayers"


class ParameterType(enum.Enum):
    """What a parameter holds."""

    INTEGER = "integer"
    FLOAT = "float"
    NUMBER = "number"
    """Integer or float, as it was written."""
    BOOLEAN = "boolean"
    STRING = "string"
    IMAGE = "image"
    FILE = "file"
    ARRAY = "array"
    MEASUREMENT = "measurement"
    EXECUTABLE = "executable"

    @property
    def is_path(self) -> bool:
        """The value is a file or folder that BIOMERO puts in place."""
        return self in _PATHS


_PATHS = frozenset(
    {
        ParameterType.IMAGE,
        ParameterType.FILE,
        ParameterType.ARRAY,
        ParameterType.MEASUREMENT,
        ParameterType.EXECUTABLE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An allowed value, and how it is shown to people."""

    value: ParameterValue
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter or an input of a workflow.

    Parameters
    ----------
    value_key
        The token of the command line that this parameter's flag and value replace.
    flag
        What precedes the value; ``None`` where nothing does; ``omitted`` says that neither does appear.
        A flag that ends in ``=`` makes one word with its value.
    default
        ``None`` where the author gave none.
    set_by_server
        BIOMERO fills it in (a folder, or a leftover of Cytomine); users never see it.
    append_value
        A boolean's flag is followed by ``True`` or ``False``; otherwise the flag alone means true.
    order
        Where the argument goes: smaller first, negative ones at the very end.
    output_folder
        The value is the folder for results.
    is_folder
        For paths: the value is a folder with the files, and not one file.
    """

    id: str
    type: ParameterType
    name: str
    description: str = ""
    value_key: str | None = None
    flag: str | None = None
    omitted: bool = False
    default: ParameterValue | None = None
    optional: bool = False
    set_by_server: bool = False
    choices: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    append_value: bool = True
    order: int = 0
    output_folder: bool = False
    is_folder: bool = True
    formats: tuple[str, ...] = ()
    sub_types: tuple[str, ...] = ()
    is_advanced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Something that a workflow makes."""

    id: str
    type: str
    name: str
    description: str = ""
    value_key: str | None = None
    flag: str | None = None
    omitted: bool = False
    order: int = 0
    formats: tuple[str, ...] = ()
    sub_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenArgument:
    """An argument of every command line, that users do not see."""

    flag: str
    value: str | None = None
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerImage:
    """A container image by name, such as ``ghcr.io/org/name:1.2`` or ``org/name@sha256:…``."""

    name: str
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowResources:
    """What the author says that the workflow needs at least."""

    cpus: int | None = None
    memory_mb: int | None = None
    gpu: bool = False
    networking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowDescriptor:
    """A workflow: its identity, its command line, and what goes in and comes out.

    Parameters
    ----------
    command_line
        The words of the author's command line, with the value keys of parameters among them.
    """

    name: str
    description: str
    format: DescriptorFormat
    container_image: ContainerImage | None
    command_line: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...] = ()
    hidden_arguments: tuple[HiddenArgument, ...] = ()
    resources: WorkflowResources = field(default_factory=WorkflowResources)
    input_folder: str | None = None
    output_folder: str | None = None
    citations: tuple[Mapping[str, str], ...] = ()

    @property
    def user_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a user may set."""
        return tuple(p for p in self.parameters if not p.set_by_server and not p.type.is_path)

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """The files and folders that go in."""
        return tuple(p for p in self.parameters if p.type.is_path)

    @property
    def main_inputs(self) -> tuple[Parameter, ...]:
        """The inputs that take the images of a run; the first of them always does.

        They are the image inputs, or all inputs of a workflow that takes no images.
        """
        images = tuple(p for p in self.inputs if p.type is ParameterType.IMAGE)
        return images or self.inputs

    @property
    def attachable_inputs(self) -> tuple[Parameter, ...]:
        """The inputs to which a user may attach a file or folder of their own."""
        return tuple(p for p in self.inputs if p not in self.main_inputs[:1] and not p.output_folder)

    @property
    def uses_entry_point(self) -> bool:
        """The container is started by its own entry point, with BIAFLOWS' arguments alone.

        This holds for BIAFLOWS, and for any workflow of biomero-schema that declares no input: its
        folders can reach it in no other way.
        """
        if self.format is DescriptorFormat.BIAFLOWS:
            return True
        return self.format is DescriptorFormat.BIOMERO_SCHEMA and not self.inputs

    @property
    def takes_zarr(self) -> bool:
        """The workflow reads OME-Zarr, so that images go to it without conversion."""
        images = [p for p in self.parameters if p.type is ParameterType.IMAGE]
        return self.takes_plates or any("zarr" in f.lower() for p in images for f in p.formats)

    @property
    def takes_plates(self) -> bool:
        """The workflow reads plates, which only OME-Zarr has."""
        images = (p for p in self.parameters if p.type is ParameterType.IMAGE)
        return any("plate" in (s.lower() for s in p.sub_types) for p in images)
