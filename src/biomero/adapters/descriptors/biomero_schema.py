"""biomero-schema: ``descriptor.json`` with ``schema-version`` ``biomero-0.1``, read by its own package."""

from __future__ import annotations

import math
import re
import reprlib
from collections.abc import Sequence

import pydantic
from biomero_schema import models  # type: ignore[import-untyped]  # the package ships no types

from biomero.adapters.descriptors.biaflows import expand_id
from biomero.adapters.descriptors.fields import PATH_TYPES, Fields, check_unique, choices
from biomero.domain.descriptor import (
    ContainerImage,
    DescriptorFormat,
    Output,
    Parameter,
    ParameterType,
    WorkflowDescriptor,
    WorkflowResources,
)

_KEY = re.compile(r"\[[A-Za-z][A-Za-z0-9_-]*\]")
_SHOWN_ERRORS = 5


def parse_biomero_schema(fields: Fields) -> WorkflowDescriptor:
    """Read a descriptor of biomero-schema.

    Raises
    ------
    DescriptorError
        If a field is not valid.
    """
    try:
        schema = models.WorkflowSchema.model_validate(dict(fields.content))
    except pydantic.ValidationError as exc:
        raise fields.error(*_first_problems(exc)) from exc
    entries = list(fields.many("inputs"))
    parameters = tuple(_parameter(p, entry) for p, entry in zip(schema.inputs, entries, strict=True))
    outputs = tuple(_output(o) for o in schema.outputs)
    check_unique(fields, "inputs", parameters)
    words = fields.words("command-line")
    _check_keys(fields, words, [*parameters, *outputs])
    configuration = schema.configuration
    return WorkflowDescriptor(
        name=schema.name,
        description=schema.description,
        format=DescriptorFormat.BIOMERO_SCHEMA,
        container_image=ContainerImage(
            name=schema.container_image.image, platforms=tuple(schema.container_image.platforms or ())
        ),
        command_line=words,
        parameters=parameters,
        outputs=outputs,
        resources=_resources(configuration and configuration.resources),
        input_folder=configuration and configuration.input_folder,
        output_folder=configuration and configuration.output_folder,
        citations=tuple(_citation(citation) for citation in schema.citations),
    )


def _parameter(schema: models.Parameter, fields: Fields) -> Parameter:
    kind = PATH_TYPES.get(schema.type) or ParameterType(schema.type.lower())
    default = None if kind.is_path else fields.value("default-value", kind)
    # Images come as a folder, unless the author wants one; other files come one by one.
    usual_count = "multiple" if kind is ParameterType.IMAGE else "single"
    parameter = Parameter(
        id=schema.id,
        type=kind,
        name=schema.name or schema.id,
        description=schema.description or "",
        value_key=expand_id(schema.value_key or "[@ID]", schema.id),
        flag=expand_id(schema.command_line_flag, schema.id) if schema.command_line_flag else None,
        default=default,
        optional=bool(schema.optional),
        set_by_server=bool(schema.set_by_server) or bool(schema.output_dir_set),
        choices=choices(
            fields,
            "value-choices",
            kind,
            values=schema.value_choices or (),
            labels=schema.value_choices_labels or (),
        ),
        # The schema has no range; other readers pass over these two, which JSON Schema knows.
        minimum=fields.number("minimum"),
        maximum=fields.number("maximum"),
        output_folder=bool(schema.output_dir_set),
        is_folder=(schema.file_count or usual_count) == "multiple",
        formats=_listed(schema.format),
        sub_types=_listed(schema.sub_type),
        is_advanced=schema.mode == "advanced",
    )
    return fields.checked("default-value", parameter)


def _output(schema: models.OutputParameter) -> Output:
    return Output(
        id=schema.id,
        type=schema.type.lower(),
        name=schema.name or schema.id,
        description=schema.description or "",
        value_key=expand_id(schema.value_key or "[@ID]", schema.id),
        flag=expand_id(schema.command_line_flag, schema.id) if schema.command_line_flag else None,
        formats=_listed(schema.format),
        sub_types=_listed(schema.sub_type),
    )


def _resources(schema: models.Resources | None) -> WorkflowResources:
    if schema is None:
        return WorkflowResources()
    return WorkflowResources(
        cpus=math.ceil(schema.cores_min) if schema.cores_min else None,
        memory_mb=math.ceil(schema.ram_min) if schema.ram_min else None,
        gpu=bool(schema.gpu) or schema.cuda_requirements is not None,
        networking=bool(schema.networking),
    )


def _citation(schema: models.Citation) -> dict[str, str]:
    return {name: value for name, value in schema.model_dump().items() if value}


def _listed(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _check_keys(fields: Fields, words: Sequence[str], items: Sequence[Parameter | Output]) -> None:
    """Refuse a command line with keys that would reach the program as they are."""
    known = {f"[{(item.value_key or '').strip('[]')}]" for item in items}
    for word in words:
        for key in _KEY.findall(word):
            if key not in known:
                shown = ", ".join(sorted(known)) or "none"
                raise fields.error(
                    "command-line", f"{key} is no input's or output's value-key; known: {shown}"
                )


def _first_problems(exc: pydantic.ValidationError) -> tuple[str, str]:
    """Return the first field that is wrong, and what is wrong with it and the next ones."""
    problems = []
    for error in exc.errors()[:_SHOWN_ERRORS]:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"])
        if error["type"] == "missing":
            problem = "is missing"
        elif error["type"] == "literal_error":
            problem = f"is {reprlib.repr(error['input'])}; allowed: {error['ctx']['expected']}"
        else:
            problem = f"{error['msg']}, not {reprlib.repr(error['input'])}"
        problems.append((place.lstrip("."), problem))
    first, *others = problems
    rest = "".join(f"; {place}: {problem}" for place, problem in others)
    more = exc.error_count() - len(problems)
    return first[0], f"{first[1]}{rest}{f'; and {more} more' if more > 0 else ''}"
