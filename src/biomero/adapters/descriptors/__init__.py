"""Workflow descriptors: the formats in use, and the places where they are kept."""

from biomero.adapters.descriptors.catalogue import Catalogue
from biomero.adapters.descriptors.code_host import KNOWN_HOSTS, CodeHosts
from biomero.adapters.descriptors.parse import (
    format_of_content,
    parse_content,
    parse_descriptor,
    read_content,
)
from biomero.adapters.descriptors.to_schema import to_schema

__all__ = [
    "KNOWN_HOSTS",
    "Catalogue",
    "CodeHosts",
    "format_of_content",
    "parse_content",
    "parse_descriptor",
    "read_content",
    "to_schema",
]
