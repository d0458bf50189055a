"""BIAFLOWS and Cytomine: ``descriptor.json`` with ``schema-version`` ``cytomine-0.1``."""

from __future__ import annotations

from biomero.adapters.descriptors.fields import Fields, check_unique, choices
from biomero.domain.descriptor import (
    ContainerImage,
    DescriptorFormat,
    Parameter,
    ParameterType,
    WorkflowDescriptor,
)

_TYPES = {
    "number": ParameterType.NUMBER,
    "integer": ParameterType.INTEGER,
    "float": ParameterType.FLOAT,
    "boolean": ParameterType.BOOLEAN,
}
_LEFTOVER = "cytomine"  # connection and ids of the Cytomine server


def parse_biaflows(fields: Fields) -> WorkflowDescriptor:
    """Read a descriptor of BIAFLOWS.

    Raises
    ------
    DescriptorError
        If a field is not valid.
    """
    parameters = tuple(_parameter(entry) for entry in fields.many("inputs"))
    check_unique(fields, "inputs", parameters)
    image = fields.one("container-image").text("image")
    return WorkflowDescriptor(
        name=fields.text("name") or fields.file.parent.name,
        description=fields.text("description"),
        format=DescriptorFormat.BIAFLOWS,
        container_image=ContainerImage(name=image) if image else None,
        command_line=fields.words("command-line"),
        parameters=parameters,
    )


def expand_id(text: str, parameter_id: str) -> str:
    """Put a parameter's id in the place of ``@id``, and in capitals in the place of ``@ID``."""
    return text.replace("@ID", parameter_id.upper()).replace("@id", parameter_id)


def _parameter(fields: Fields) -> Parameter:
    parameter_id = fields.text("id")
    if not parameter_id:
        raise fields.error("id", "is missing")
    # Domain, ListDomain and other types of Cytomine travel as text.
    kind = _TYPES.get(fields.text("type").lower(), ParameterType.STRING)
    allowed = fields.content.get("value-choices") or []
    if not isinstance(allowed, list):
        raise fields.error("value-choices", "must be a list")
    parameter = Parameter(
        id=parameter_id,
        type=kind,
        name=fields.text("name") or parameter_id,
        description=fields.text("description"),
        value_key=expand_id(fields.text("value-key") or "@ID", parameter_id),
        flag=expand_id(fields.text("command-line-flag") or "--@id", parameter_id),
        default=fields.value("default-value", kind),
        optional=fields.boolean("optional", default=False),
        set_by_server=fields.boolean("set-by-server", default=False)
        or parameter_id.lower().startswith(_LEFTOVER),
        choices=choices(fields, "value-choices", kind, values=allowed, labels=()),
        minimum=fields.number("minimum"),
        maximum=fields.number("maximum"),
    )
    return fields.checked("default-value", parameter)
