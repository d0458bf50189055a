"""Plain values of fields as text, and back: Ice's wrapped values, lengths with units, pairs, bytes."""

from __future__ import annotations

import base64
from typing import Any

import omero
import omero.model
import omero.rtypes

_WRAPPED = {
    cls.__name__: cls
    for cls in (
        omero.rtypes.RBoolI,
        omero.rtypes.RDoubleI,
        omero.rtypes.RFloatI,
        omero.rtypes.RIntI,
        omero.rtypes.RLongI,
        omero.rtypes.RTimeI,
        omero.rtypes.RStringI,
    )
}


def encode(value: Any) -> Any:
    """Return what JSON can hold."""
    name = type(value).__name__
    if name in _WRAPPED:
        return {"r": name, "v": value.val}
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode()}
    if hasattr(value, "_unit"):
        return {"u": name, "v": value.getValue(), "unit": value.getUnit().name}
    if isinstance(value, omero.model.NamedValue):
        return {"n": value.name, "v": value.value}
    if isinstance(value, list | tuple):
        return {"l": [encode(item) for item in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return None  # what OMERO's tables have no column for, either


def decode(stored: Any) -> Any:
    """Return what `encode` was given."""
    if not isinstance(stored, dict):
        return stored
    if "r" in stored:
        return _WRAPPED[stored["r"]](stored["v"])
    if "b" in stored:
        return base64.b64decode(stored["b"])
    if "u" in stored:
        return getattr(omero.model, stored["u"])(stored["v"], stored["unit"])
    if "n" in stored:
        return omero.model.NamedValue(stored["n"], stored["v"])
    return [decode(item) for item in stored["l"]]


def plain(value: Any) -> Any:
    """Return what a query compares: the value without its wrapping."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "val"):
        return value.val
    if hasattr(value, "_unit"):
        return value.getValue()
    return value


def wrapped(value: Any) -> Any:
    """Return an Ice value for what a query found."""
    if hasattr(value, "ice_staticId"):
        return value if isinstance(value, omero.RType) else omero.rtypes.robject(value)
    if isinstance(value, bool):
        return omero.rtypes.rbool(value)
    if isinstance(value, int):
        return omero.rtypes.rlong(value)
    return omero.rtypes.wrap(value)
