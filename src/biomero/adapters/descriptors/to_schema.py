"""A workflow in the words of biomero-schema, whichever format its author wrote."""

from __future__ import annotations

from collections.abc import Mapping

from biomero_schema import models  # type: ignore[import-untyped]  # the package ships no types

from biomero.domain.descriptor import (
    Choice,
    DescriptorFormat,
    Output,
    Parameter,
    ParameterType,
    WorkflowDescriptor,
)

_VERSIONS = {
    DescriptorFormat.BIAFLOWS: "biomero-0.1",
    DescriptorFormat.BIOMERO_SCHEMA: "biomero-0.1",
    DescriptorFormat.BILAYERS: "bilayers-1.0.0",
}
_OUTPUT_TYPES = frozenset(kind.value for kind in ParameterType)


_AUTHORED = ("authors", "institutions", "problem-class", "configuration", "schema-version", "command-line")


def to_schema(
    descriptor: WorkflowDescriptor, *, authored: Mapping[str, object] | None = None
) -> models.WorkflowSchema:
    """Return the workflow as an object of biomero-schema.

    Inputs that BIOMERO fills are marked ``set-by-server``, and those to which a user attaches files
    ``file-attachment``, so that a form made from the schema asks for nothing else.

    Parameters
    ----------
    authored
        The descriptor as its author wrote it; what biomero-schema knows and nothing else here needs, such
        as the authors, is taken from there.

    Examples
    --------
    >>> from biomero.adapters.descriptors import parse_content, to_schema
    >>> blur = {"name": "blur", "schema-version": "cytomine-0.1", "inputs": [{"id": "radius"}]}
    >>> to_schema(parse_content(blur, name="blur")).inputs[0].command_line_flag
    '--radius'
    """
    is_schema = descriptor.format is DescriptorFormat.BIOMERO_SCHEMA
    kept = {name: authored[name] for name in _AUTHORED if authored and name in authored} if is_schema else {}
    main = descriptor.main_inputs[:1]
    needs = descriptor.resources
    image = descriptor.container_image
    return models.WorkflowSchema.model_validate(
        {
            "name": descriptor.name,
            "description": descriptor.description,
            "schema-version": _VERSIONS[descriptor.format],
            # the schema wants at least one; what nobody wrote is said to be unknown
            "citations": [_citation(dict(c)) for c in descriptor.citations]
            or [{"name": descriptor.name, "license": "unknown"}],
            "container-image": {
                "image": image.name if image else "",
                "type": "oci",
                "platforms": list(image.platforms) if image and image.platforms else None,
            },
            "configuration": {
                "input_folder": descriptor.input_folder,
                "output_folder": descriptor.output_folder,
                "resources": {
                    "cores-min": needs.cpus,
                    "ram-min": needs.memory_mb,
                    "gpu": needs.gpu,
                    "networking": needs.networking,
                },
            },
            "inputs": [_parameter(p, descriptor.format, is_main=p in main) for p in descriptor.parameters],
            "outputs": [_output(output) for output in descriptor.outputs],
            "command-line": " ".join(descriptor.command_line),
            **kept,
        }
    )


def _citation(known: dict[str, str]) -> dict[str, str]:
    return {"name": "unknown", "license": "unknown", **known}


def _parameter(parameter: Parameter, family: DescriptorFormat, *, is_main: bool) -> dict[str, object]:
    attachable = parameter.type.is_path and not is_main and not parameter.output_folder
    attached = attachable and parameter.type is not ParameterType.IMAGE
    return {
        "id": parameter.id,
        "type": _type(parameter, family),
        "name": parameter.name,
        "description": parameter.description,
        "value-key": parameter.value_key,
        "command-line-flag": parameter.flag.removesuffix("=") if parameter.flag else None,
        "default-value": parameter.default,
        "optional": parameter.optional,
        "set-by-server": parameter.set_by_server or parameter.type.is_path,
        "output-dir-set": parameter.output_folder,
        "file-attachment": attached,
        "mode": "advanced" if parameter.is_advanced else "beginner",
        "format": _one_or_many(parameter.formats),
        "file-count": ("multiple" if parameter.is_folder else "single") if parameter.type.is_path else None,
        "sub-type": _one_or_many(parameter.sub_types),
        **_choices(parameter.choices),
    }


def _type(parameter: Parameter, family: DescriptorFormat) -> str:
    if parameter.type is ParameterType.NUMBER:
        return "float" if isinstance(parameter.default, float) else "integer"
    if family is DescriptorFormat.BILAYERS and parameter.choices and not parameter.type.is_path:
        return "string"  # a drop-down: forms show its values as text, also where they are numbers
    return str(parameter.type.value)


def _choices(choices: tuple[Choice, ...]) -> dict[str, object]:
    if not choices:
        return {}
    is_labelled = any(choice.label != str(choice.value) for choice in choices)
    return {
        "value-choices": [choice.value for choice in choices],
        "value-choices-labels": [choice.label for choice in choices] if is_labelled else None,
    }


def _output(output: Output) -> dict[str, object]:
    return {
        "id": output.id,
        "type": output.type if output.type in _OUTPUT_TYPES - {"number"} else "file",
        "name": output.name,
        "description": output.description,
        "value-key": output.value_key,
        "command-line-flag": output.flag.removesuffix("=") if output.flag else None,
        "format": _one_or_many(output.formats),
        "sub-type": _one_or_many(output.sub_types),
    }


def _one_or_many(texts: tuple[str, ...]) -> str | list[str] | None:
    if len(texts) > 1:
        return list(texts)
    return texts[0] if texts else None
