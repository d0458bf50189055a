"""Forms of scripts, before OMERO's own words for them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LARGEST_INT = 2**31 - 1


class Kind(enum.Enum):
    """What a field takes, by the name of OMERO's type."""

    BOOL = "Bool"
    INT = "Int"
    LONG = "Long"
    FLOAT = "Float"
    TEXT = "String"
    IDS = "List"
    """Ids of objects, with commas between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a form.

    Parameters
    ----------
    name
        The key that clients know it by.
    grouping
        Where it stands: ``03`` before ``03.1``, which is indented.
    values
        The values to choose from; any if empty.
    """

    name: str
    kind: Kind
    grouping: str
    description: str = ""
    default: bool | float | str | None = None
    values: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    optional: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """A form.

    Parameters
    ----------
    script
        The name of the script's file.
    """

    script: str
    description: str
    fields: tuple[Field, ...] = ()


def whole_number(*bounds: float | None) -> Kind:
    """Return the kind of whole numbers that holds these."""
    return Kind.INT if all(b is None or abs(b) <= _LARGEST_INT for b in bounds) else Kind.LONG


def omero_parameters(fields: Sequence[Field]) -> list[Any]:
    """Return the fields in OMERO's own words."""
    return [_omero_parameter(field) for field in fields]


def _omero_parameter(field: Field) -> Any:  # noqa: ANN401 - omero-py has no types
    from omero import scripts  # noqa: PLC0415 - an extra, and only where scripts run
    from omero.rtypes import rlong, rstring  # noqa: PLC0415 - likewise

    options: dict[str, Any] = {
        "optional": field.optional,
        "grouping": field.grouping,
        "description": field.description,
    }
    if field.default is not None:
        options["default"] = field.default
    if field.values:
        options["values"] = [rstring(value) for value in field.values]
    number = float if field.kind is Kind.FLOAT else int
    if field.minimum is not None:
        options["min"] = number(field.minimum)
    if field.maximum is not None:
        options["max"] = number(field.maximum)
    parameter = getattr(scripts, field.kind.value)(field.name, **options)
    return parameter.ofType(rlong(0)) if field.kind is Kind.IDS else parameter
