"""bilayers: ``config.yaml``, with every scalar as the text that its author wrote."""

from __future__ import annotations

import re

from biomero.adapters.descriptors.fields import PATH_TYPES, Fields, check_unique, choices
from biomero.domain.descriptor import (
    ContainerImage,
    DescriptorFormat,
    HiddenArgument,
    Output,
    Parameter,
    ParameterType,
    ParameterValue,
    WorkflowDescriptor,
)

_TYPES = {
    "integer": ParameterType.INTEGER,
    "float": ParameterType.FLOAT,
    "boolean": ParameterType.BOOLEAN,
    "checkbox": ParameterType.BOOLEAN,
    "radio": ParameterType.STRING,
    "dropdown": ParameterType.STRING,
    "textbox": ParameterType.STRING,
    "text": ParameterType.STRING,
    "string": ParameterType.STRING,
    **PATH_TYPES,
}
_PLACEHOLDER = re.compile(r"\(.*\|.*\)")  # ("single" | "directory"), as the format's own template has it
_NO_VALUE = ("", "None")
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")


def parse_bilayers(fields: Fields) -> WorkflowDescriptor:
    """Read a configuration of bilayers.

    What its template leaves open (a placeholder in the place of a type, an order or a default) is
    taken for absent; nothing is made up for it.

    Raises
    ------
    DescriptorError
        If a field is not valid.
    """
    inputs = tuple(p for p in (_parameter(f) for f in fields.many("inputs")) if p is not None)
    parameters = tuple(p for p in (_parameter(f) for f in fields.many("parameters")) if p is not None)
    # An input and a parameter may share a name: each is unique within its own section.
    check_unique(fields, "inputs", inputs)
    check_unique(fields, "parameters", parameters)
    citations = tuple(_citation(entry) for entry in fields.many("citations"))
    cited = [citation for citation in citations if citation]
    program = fields.one("exec_function")
    return WorkflowDescriptor(
        name=_name(fields, cited),
        description=next((c["description"] for c in cited if "description" in c), ""),
        format=DescriptorFormat.BILAYERS,
        container_image=_image(fields.one("docker_image")),
        command_line=program.words("cli_command"),
        parameters=inputs + parameters,
        outputs=tuple(_output(entry) for entry in fields.many("outputs")),
        hidden_arguments=tuple(h for h in map(_hidden, program.many("hidden_args")) if h is not None),
        citations=tuple(cited),
    )


def _name(fields: Fields, citations: list[dict[str, str]]) -> str:
    cited = next((c["name"] for c in citations if "name" in c), "")
    folder = fields.file.absolute().parent.name
    return fields.text("algorithm_folder_name") or cited or folder


def _image(fields: Fields) -> ContainerImage | None:
    organisation, name, tag = (fields.text(part) for part in ("org", "name", "tag"))
    if not name:
        return None
    full = f"{organisation}/{name}" if organisation else name
    platform = fields.text("platform")
    return ContainerImage(name=f"{full}:{tag}" if tag else full, platforms=(platform,) if platform else ())


def _citation(fields: Fields) -> dict[str, str]:
    names = ("name", "doi", "license", "description")
    return {name: fields.text(name) for name in names if fields.text(name)}


def _parameter(fields: Fields) -> Parameter | None:
    name, written = fields.text("name"), fields.text("type")
    if not name:
        if _PLACEHOLDER.fullmatch(written):
            return None  # the template's explanation of what a parameter is
        raise fields.error("name", "is missing")
    if written not in _TYPES:
        raise fields.error("type", f"is {written!r}; allowed: {', '.join(_TYPES)}")
    kind = _TYPES[written]
    options = list(fields.many("options"))
    values = [option.text("value", option.text("label")) for option in options]
    if kind is ParameterType.STRING and values and all(_INTEGER.fullmatch(value) for value in values):
        kind = ParameterType.INTEGER
    flag = fields.text("cli_tag")
    is_output = fields.boolean("output_dir_set", default=False)
    parameter = Parameter(
        id=name,
        type=kind,
        name=fields.text("label") or name,
        description=fields.text("description"),
        flag=None if flag in _NO_VALUE else flag,
        omitted=flag == "None",
        default=None if kind.is_path or is_output else _default(fields, kind),
        optional=fields.boolean("optional", default=False, lenient=_is_open(fields, "optional")),
        set_by_server=is_output,
        choices=choices(
            fields, "options", kind, values=values, labels=[option.text("label") for option in options]
        ),
        minimum=fields.number("minimum"),
        maximum=fields.number("maximum"),
        append_value=fields.boolean("append_value", default=False),
        order=_order(fields),
        output_folder=is_output,
        is_folder=_is_folder(fields),
        formats=fields.texts("format"),
        sub_types=fields.texts("subtype"),
        is_advanced=fields.text("mode") == "advanced",
    )
    return fields.checked("default", parameter)


def _output(fields: Fields) -> Output:
    flag = fields.text("cli_tag", "None")
    return Output(
        id=fields.text("name"),
        type=fields.text("type"),
        name=fields.text("label") or fields.text("name"),
        description=fields.text("description"),
        flag=None if flag in _NO_VALUE else flag,
        omitted=flag == "None",
        order=_order(fields),
        formats=fields.texts("format"),
        sub_types=fields.texts("subtype"),
    )


def _hidden(fields: Fields) -> HiddenArgument | None:
    flag, value = fields.text("cli_tag"), fields.text("value")
    if flag == "None":
        return None
    is_boolean = value.lower() in ("true", "false")
    if is_boolean and not fields.boolean("append_value", default=False):
        # A switch: the flag alone says true, and its absence says false.
        return HiddenArgument(flag=flag, order=_order(fields)) if value.lower() == "true" else None
    return HiddenArgument(flag=flag, value=value, order=_order(fields))


def _default(fields: Fields, kind: ParameterType) -> ParameterValue | None:
    written = fields.text("default")
    if written in _NO_VALUE or _is_open(fields, "default"):
        return None
    if kind is ParameterType.BOOLEAN:
        # The template gives a checkbox the default "otsu": not a boolean, so no default.
        spelt = written.lower() in ("true", "false", "yes", "no", "1", "0")
        return fields.value("default", kind) if spelt else None
    return fields.value("default", kind)


def _order(fields: Fields) -> int:
    written = fields.text("cli_order")
    if written in ("", "Integer"):  # the template says "Integer"
        return 0
    value = fields.value("cli_order", ParameterType.INTEGER)
    return int(value) if value is not None else 0


def _is_folder(fields: Fields) -> bool:
    default = fields.text("default")
    if default in ("single", "directory"):
        return default == "directory"
    return fields.text("file_count") != "single"


def _is_open(fields: Fields, name: str) -> bool:
    return bool(_PLACEHOLDER.fullmatch(fields.text(name)))
