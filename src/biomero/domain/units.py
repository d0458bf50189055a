"""Units of length and time: from the symbols that files use to the words of OME-NGFF."""

from __future__ import annotations

import math

from biomero.domain.imaging import Quantity

_MICRO = ("\u00b5", "\u03bc", "u")  # the micro sign, the Greek letter, and what keyboards have

LENGTHS = {
    "Å": "angstrom",
    "A": "angstrom",
    "angstrom": "angstrom",
    "pm": "picometer",
    "nm": "nanometer",
    "nanometer": "nanometer",
    **{f"{micro}m": "micrometer" for micro in _MICRO},
    "micron": "micrometer",
    "microns": "micrometer",
    "micrometer": "micrometer",
    "micrometre": "micrometer",
    "mm": "millimeter",
    "millimeter": "millimeter",
    "cm": "centimeter",
    "centimeter": "centimeter",
    "dm": "decimeter",
    "m": "meter",
    "meter": "meter",
    "km": "kilometer",
    "in": "inch",
    "inch": "inch",
    "ft": "foot",
    "yd": "yard",
    "mi": "mile",
}
"""Symbols of lengths; those for "pixel" and "reference frame" are no lengths and are left out."""

TIMES = {
    "ps": "picosecond",
    "ns": "nanosecond",
    **{f"{micro}s": "microsecond" for micro in _MICRO},
    "ms": "millisecond",
    "msec": "millisecond",
    "s": "second",
    "sec": "second",
    "second": "second",
    "seconds": "second",
    "min": "minute",
    "minute": "minute",
    "h": "hour",
    "hour": "hour",
    "d": "day",
    "day": "day",
}
"""Symbols of times."""


def length(value: float, symbol: str) -> Quantity | None:
    """Return a length, or None where the value or its unit says nothing."""
    return _quantity(value, LENGTHS.get(symbol.strip()))


def time(value: float, symbol: str) -> Quantity | None:
    """Return a time, or None where the value or its unit says nothing."""
    return _quantity(value, TIMES.get(symbol.strip()))


def _quantity(value: float, unit: str | None) -> Quantity | None:
    # Writers put 0, negative numbers and NaN where they know nothing.
    return Quantity(value=value, unit=unit) if unit and math.isfinite(value) and value > 0 else None
