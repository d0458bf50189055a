"""Documented names around workflow descriptors: every format that is read, as objects of biomero-schema."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from biomero_schema.models import (  # type: ignore[import-untyped]  # the package ships no types
    WorkflowSchema,
)

from biomero.adapters.descriptors import format_of_content, parse_content, read_content, to_schema
from biomero.application.ports.workflows import Workflow
from biomero.domain.descriptor import DescriptorFormat

__all__ = [
    "BiaflowsSchemaAdapter",
    "BilayersSchemaAdapter",
    "BiomeroSchemaAdapter",
    "DescriptorParserFactory",
    "ParsedWorkflowDescriptor",
    "WorkflowDescriptorAdapter",
    "WorkflowDescriptorParser",
    "convert_schema_type_to_omero",
    "convert_schema_type_to_omero_rtype",
    "create_class_instance",
    "detect_schema_format",
    "schema_of",
]

_NAMES = {
    DescriptorFormat.BIAFLOWS: "BIAFLOWS",
    DescriptorFormat.BIOMERO_SCHEMA: "biomero-schema",
    DescriptorFormat.BILAYERS: "bilayers",
}
_OMERO_CLASSES = {"integer": "Int", "float": "Float", "boolean": "Bool"}
_OMERO_RTYPES = {"integer": "rint", "float": "rdouble", "boolean": "rbool"}


def detect_schema_format(descriptor: Mapping[str, Any]) -> str:
    """Say which format a descriptor has: ``BIAFLOWS``, ``biomero-schema`` or ``bilayers``.

    Raises
    ------
    ValueError
        If it has none of them.

    Examples
    --------
    >>> detect_schema_format({"schema-version": "cytomine-0.1", "inputs": []})
    'BIAFLOWS'
    """
    return _NAMES[format_of_content(dict(descriptor))]


def schema_of(workflow: Workflow) -> WorkflowSchema:
    """Return a workflow that was found as an object of biomero-schema."""
    return to_schema(workflow.descriptor, authored=read_content(workflow.descriptor_file))


class WorkflowDescriptorAdapter(ABC):
    """Turns descriptors of some formats into biomero-schema; the base for formats of your own."""

    @abstractmethod
    def adapt_to_biomero_schema(
        self, descriptor: Mapping[str, Any], name: str | None = None
    ) -> WorkflowSchema:
        """Return the workflow as an object of biomero-schema."""

    @abstractmethod
    def get_supported_formats(self) -> list[str]:
        """Return the formats that it turns, as `detect_schema_format` names them."""


class _Adapter(WorkflowDescriptorAdapter):
    formats: ClassVar[tuple[str, ...]]

    def adapt_to_biomero_schema(
        self, descriptor: Mapping[str, Any], name: str | None = None
    ) -> WorkflowSchema:
        """Return the workflow as an object of biomero-schema.

        Raises
        ------
        ValueError
            If a field is not valid; the message names it.
        """
        content = dict(descriptor)
        name = name or str(content.get("name") or "workflow")
        return to_schema(parse_content(content, name=name), authored=content)

    def get_supported_formats(self) -> list[str]:
        """See `WorkflowDescriptorAdapter.get_supported_formats`."""
        return list(self.formats)


class BiomeroSchemaAdapter(_Adapter):
    """Reads biomero-schema."""

    formats = ("biomero-schema",)


class BiaflowsSchemaAdapter(_Adapter):
    """Reads BIAFLOWS and Cytomine."""

    formats = ("BIAFLOWS", "cytomine-0.1")


class BilayersSchemaAdapter(_Adapter):
    """Reads bilayers."""

    formats = ("bilayers", "BILAYERS")


class WorkflowDescriptorParser:
    """Reads a descriptor of any format; formats can be added."""

    _adapters: ClassVar[dict[str, type[WorkflowDescriptorAdapter]]] = {
        name: adapter
        for adapter in (BiomeroSchemaAdapter, BiaflowsSchemaAdapter, BilayersSchemaAdapter)
        for name in adapter.formats
    }

    @classmethod
    def parse_descriptor(cls, descriptor: Mapping[str, Any], name: str | None = None) -> WorkflowSchema:
        """Return a workflow as an object of biomero-schema.

        Raises
        ------
        ValueError
            If the format is unknown or a field is not valid.
        """
        adapter = cls._adapters[detect_schema_format(descriptor)]()
        return adapter.adapt_to_biomero_schema(descriptor, name)

    @classmethod
    def register_adapter(cls, fmt: str, adapter: type[WorkflowDescriptorAdapter]) -> None:
        """Let `adapter` read the format from now on."""
        cls._adapters[fmt] = adapter


DescriptorParserFactory = WorkflowDescriptorParser
ParsedWorkflowDescriptor = WorkflowSchema


def create_class_instance(module_name: str, class_name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - of any class
    """Import a class and make an instance of it.

    Raises
    ------
    ImportError, AttributeError
        If there is no such module or class.
    """
    return getattr(importlib.import_module(module_name), class_name)(*args, **kwargs)


def convert_schema_type_to_omero(
    schema_type: str,
    default_value: object,  # noqa: ARG001 - documented; scripts also give it as `default`
    *args: Any,  # noqa: ANN401 - handed on to OMERO
    rtype: bool = False,
    **kwargs: Any,  # noqa: ANN401 - handed on to OMERO
) -> Any:  # noqa: ANN401 - OMERO has no types
    """Return the input of an OMERO script for a parameter: whole numbers, numbers, booleans, else text.

    Needs omero-py, which is imported only here.

    Parameters
    ----------
    rtype
        Return a value of OMERO instead, made of the first of `args`.
    """
    kind = str(schema_type).lower()
    if rtype:
        return create_class_instance("omero.rtypes", _OMERO_RTYPES.get(kind, "rstring"), *args, **kwargs)
    return create_class_instance("omero.scripts", _OMERO_CLASSES.get(kind, "String"), *args, **kwargs)


def convert_schema_type_to_omero_rtype(schema_type: str, default_value: object, value: object) -> Any:  # noqa: ANN401 - OMERO has no types
    """Return a value as OMERO's type for a parameter; needs omero-py."""
    return convert_schema_type_to_omero(schema_type, default_value, value, rtype=True)
