"""Workflow descriptors: the formats in use, and the places where they are kept."""

from biomero.adapters.descriptors.catalogue import Catalogue
from biomero.adapters.descriptors.code_host import KNOWN_HOSTS, CodeHosts
from biomero.adapters.descriptors.parse import parse_descriptor

__all__ = ["KNOWN_HOSTS", "Catalogue", "CodeHosts", "parse_descriptor"]
