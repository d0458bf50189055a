"""OMERO's classes, their fields and how they refer to each other, as omero-py's generated modules say it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import omero
import omero.clients
import omero_model_Image_ice as generated

_SEQUENCE = re.compile(
    r"_t_(\w+) = IcePy\.defineSequence\('::omero::model::\w+', \(\), _M_omero\.model\._t_(\w+)\)"
)
_CLASS = re.compile(r"defineClass\('::omero::model::(\w+)', \w+, -1, \(\), \w+, \w+, (\S+), \(\), \((.*)")
_FIELD = re.compile(r"\('_(\w+)', \(\), ([\w.]+)")

SYSTEM_KINDS = frozenset(
    {
        "Experimenter",
        "ExperimenterGroup",
        "GroupExperimenterMap",
        "Event",
        "EventLog",
        "Session",
        "Node",
        "Share",
        "ShareMember",
        "AdminPrivilege",
        "ExternalInfo",
    }
)
"""Objects of these belong to nobody and to no group; only administrators make them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of objects with its fields, those of its superclasses included."""

    name: str
    scalars: tuple[str, ...]
    references: dict[str, str]
    collections: dict[str, str]
    required: frozenset[str]
    lineage: tuple[str, ...] = field(default=())

    @property
    def is_enumeration(self) -> bool:
        return self.scalars in {("value",), ("value", "bitSize"), ("bitSize", "value")}

    @property
    def is_system(self) -> bool:
        return self.name in SYSTEM_KINDS or self.is_enumeration

    @property
    def is_link(self) -> bool:
        return set(self.references) >= {"parent", "child"}

    @property
    def root(self) -> str:
        """The class whose table numbers its objects."""
        return self.lineage[-2] if len(self.lineage) > 1 else self.name


@cache
def _raw() -> tuple[dict[str, str], dict[str, list[tuple[str, str]]], dict[str, str]]:
    sequences: dict[str, str] = {}
    parents: dict[str, str] = {}
    fields: dict[str, list[tuple[str, str]]] = {}
    for module in sorted(Path(generated.__file__).parent.glob("omero_model_*_ice.py")):
        text = module.read_text()
        sequences.update(_SEQUENCE.findall(text))
        for found in _CLASS.finditer(text):
            name, parent, body = found.groups()
            if "))" not in body:
                body = text[found.start(3) : text.index("\n    ))", found.start(3))]
            parents[name] = parent.rpartition("._t_")[2]
            fields[name] = _FIELD.findall(body)
    return parents, fields, sequences


def lineage(name: str) -> Iterator[str]:
    """Yield a class and those it stems from, `IObject` last."""
    parents = _raw()[0]
    while name in parents:
        yield name
        name = parents[name]


def is_entity(name: str) -> bool:
    """Say whether objects of that name have ids of their own."""
    return name == "IObject" or "IObject" in lineage(name)


def is_a(name: str, ancestor: str) -> bool:
    """Say whether a class is another one, or stems from it."""
    return ancestor in lineage(name)


@cache
def kind(name: str) -> Kind:
    """Return a class.

    Raises
    ------
    KeyError
        If there is none of that name.
    """
    _, fields, sequences = _raw()
    scalars: list[str] = []
    references: dict[str, str] = {}
    collections: dict[str, str] = {}
    for ancestor in lineage(name):
        for attribute, slice_type in fields[ancestor]:
            wanted = slice_type.rpartition("._t_")[2]
            if attribute.endswith("Seq") and wanted in sequences:
                collections[attribute[:-3]] = sequences[wanted]
            elif is_entity(wanted):
                references[attribute] = wanted
            elif attribute not in {"id", "details", "version", "loaded"} and not attribute.endswith(
                ("Loaded", "CountPerOwner")
            ):
                scalars.append(attribute)
    if name not in fields:
        raise KeyError(name)
    return Kind(
        name,
        tuple(scalars),
        references,
        collections,
        _required(name, {*scalars, *references}),
        tuple(lineage(name)),
    )


def _required(name: str, plain: set[str]) -> frozenset[str]:
    concrete = getattr(omero.model, f"{name}I", None)
    known = getattr(concrete, "_field_info", None)
    return frozenset(f for f in plain if known is not None and not getattr(known, f, _NULLABLE).nullable)


class _NULLABLE:
    nullable = True


def known(name: str) -> bool:
    """Say whether there is a class of that name with objects in the database."""
    return name in _raw()[0] and is_entity(name)


@cache
def siblings(name: str) -> tuple[str, ...]:
    """Return the classes that share a table with a class: all that stem from the same root."""
    root = kind(name).root
    return tuple(sorted(other for other in _raw()[0] if is_a(other, root)))


@cache
def back_reference(owner: str, collection: str) -> str | None:
    """Return the field by which the elements of a collection point at their owner."""
    element = kind(owner).collections[collection]
    candidates = [f for f, t in kind(element).references.items() if is_a(owner, t) or is_a(t, owner)]
    if len(candidates) > 1 and "parent" in candidates:
        return "parent" if element.startswith(owner) else "child"
    return candidates[0] if candidates else None


def class_name(thing: object) -> str:
    """Return the name of an Ice object's class, without omero-py's final I."""
    return str(thing.ice_staticId()).rpartition("::")[2]  # type: ignore[attr-defined] # Ice has no types


def plain_name(name: str) -> str:
    """Return the class that a client means: ``ome.model.core.Image``, ``ImageI`` and ``Image`` are one."""
    name = name.rpartition(".")[2]
    return name[:-1] if name not in _raw()[0] and name.endswith("I") else name


@cache
def java_name(name: str) -> str:
    """Return a class as OMERO itself calls it: ``ome.model.core.Image``."""
    concrete = getattr(omero.model, f"{name}I", None)
    known = getattr(concrete, "DETAILS", f"ome.model.{name}_details")
    return str(known.rpartition("_")[0])


@cache
def roots() -> tuple[str, ...]:
    """Return the classes that have tables of their own."""
    return tuple(sorted({kind(name).root for name in _raw()[0] if is_entity(name) and name != "IObject"}))
