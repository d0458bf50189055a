"""From a file to a descriptor, whichever format the file has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import yaml

from biomero.adapters.descriptors.biaflows import parse_biaflows
from biomero.adapters.descriptors.bilayers import parse_bilayers
from biomero.adapters.descriptors.biomero_schema import parse_biomero_schema
from biomero.adapters.descriptors.fields import PATH_TYPES, Fields
from biomero.domain.descriptor import DescriptorFormat, WorkflowDescriptor
from biomero.errors import DescriptorError

_MAX_BYTES = 2_000_000
_FORMATS = (
    "BIAFLOWS ('schema-version': 'cytomine-0.1'), biomero-schema ('biomero-0.1'), bilayers ('docker_image')"
)
_SCHEMA_ONLY = ("authors", "citations", "configuration", "institutions", "outputs", "problem-class")
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"


class _AsWritten(yaml.SafeLoader):
    """Reads each scalar as the text that the author wrote; only an empty one is nothing.

    YAML reads the tag ``1.10`` as 1.1, the option ``no`` as false and ``1e-3`` as text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - the library's own class attribute, in its own type
        first: [resolver for resolver in resolvers if resolver[0] in (_NULL, _MERGE)]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def parse_descriptor(path: Path) -> WorkflowDescriptor:
    """Read a descriptor.

    Raises
    ------
    DescriptorError
        If the file cannot be read, has none of the formats, or a field is not valid; the message
        names file and field.
    """
    text = _read(path)
    fields = Fields(_typed(path, text), file=path)
    found = _format_of(fields)
    if found is DescriptorFormat.BILAYERS:
        return parse_bilayers(Fields(_load_yaml(path, text, _AsWritten), file=path))
    if found is DescriptorFormat.BIOMERO_SCHEMA:
        return parse_biomero_schema(fields)
    return parse_biaflows(fields)


def parse_content(content: object, *, name: str) -> WorkflowDescriptor:
    """Read a descriptor that a caller has taken from its file already.

    Parameters
    ----------
    name
        What the workflow is called where its descriptor does not say; messages begin with it.

    Raises
    ------
    DescriptorError
        If it has none of the formats, or a field is not valid; the message names the field.
    """
    fields = Fields(content, file=Path(name) / "descriptor")
    readers = {
        DescriptorFormat.BIAFLOWS: parse_biaflows,
        DescriptorFormat.BIOMERO_SCHEMA: parse_biomero_schema,
        DescriptorFormat.BILAYERS: parse_bilayers,
    }
    return readers[_format_of(fields)](fields)


def read_content(path: Path) -> Mapping[str, object]:
    """Return what a descriptor's file holds, unchecked but for being a mapping.

    Raises
    ------
    DescriptorError
        If the file cannot be read or is neither JSON nor YAML.
    """
    return Fields(_typed(path, _read(path)), file=path).content


def format_of_content(content: object) -> DescriptorFormat:
    """Say which format a descriptor has.

    Raises
    ------
    DescriptorError
        If it has none that is read here.
    """
    return _format_of(Fields(content, file=Path("descriptor")))


def _format_of(fields: Fields) -> DescriptorFormat:
    content = fields.content
    if "cwlVersion" in content:
        raise fields.error("cwlVersion", f"CWL is not among the formats that are read: {_FORMATS}")
    if "openapi" in fields.text("$schema").lower():
        raise fields.error("$schema", f"OpenAPI is not among the formats that are read: {_FORMATS}")
    version = fields.text("schema-version").lower()
    if version.startswith("cytomine"):
        return DescriptorFormat.BIAFLOWS
    if version.startswith("biomero"):
        return DescriptorFormat.BIOMERO_SCHEMA
    if "container-image" in content and "inputs" in content:
        # Published files call themselves 1.0.0 and are biomero-schema by what they hold.
        is_schema = any(name in content for name in _SCHEMA_ONLY) or _has_path_input(content["inputs"])
        return DescriptorFormat.BIOMERO_SCHEMA if is_schema else DescriptorFormat.BIAFLOWS
    if "docker_image" in content:
        return DescriptorFormat.BILAYERS
    raise DescriptorError(f"{fields.file}: no workflow descriptor; these are read: {_FORMATS}")


def _has_path_input(inputs: object) -> bool:
    entries = inputs if isinstance(inputs, list) else []
    return any(isinstance(e, dict) and e.get("type") in tuple(PATH_TYPES) for e in entries)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise DescriptorError(f"{path}: the descriptor cannot be read: {exc.strerror}") from exc
    if len(content) > _MAX_BYTES:
        raise DescriptorError(f"{path}: over 2 MB, which no workflow descriptor is")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise DescriptorError(f"{path}: the descriptor is not UTF-8 text") from exc


def _typed(path: Path, text: str) -> object:
    if path.suffix.lower() != ".json":
        return _load_yaml(path, text, yaml.SafeLoader)

    def refuse(constant: str) -> NoReturn:
        raise DescriptorError(f"{path}: {constant} is no value in JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as exc:
        raise DescriptorError(
            f"{path}: not valid JSON: {exc.msg} (line {exc.lineno}, column {exc.colno})"
        ) from exc
    except (ValueError, RecursionError) as exc:  # a number of 5000 digits, a thousand brackets
        raise DescriptorError(f"{path}: not valid JSON: {exc}") from exc


def _load_yaml(path: Path, text: str, loader: type[yaml.SafeLoader]) -> object:
    try:
        loaded: object = yaml.load(text, Loader=loader)  # noqa: S506 - both are safe loaders
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise DescriptorError(f"{path}: not valid YAML: {exc.problem}{place}") from exc
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        raise DescriptorError(f"{path}: not valid YAML: {exc}") from exc
    return loaded
