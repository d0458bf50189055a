"""Of what kind the values of a column are that is written as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from biomero.application.ports.omero import TableColumn

_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE
)
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:e[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE)
_MISSING = {"", "nan", "na", "n/a", "null", "none"}
_TRUTHS = {"true": True, "false": False}
_LARGEST = 2**63
_LARGEST_EXACT = 2**53
"""Whole numbers up to it are the same as numbers with a point."""


def typed(name: str, values: Sequence[str], *, has_decimal_commas: bool = False) -> TableColumn:
    """Return a column of whole numbers, numbers, truths, or texts: of the first that all its values are.

    A missing value (``nan``, ``NA`` or nothing) is no number; a column of whole numbers that misses some has
    numbers. Numbers with leading zeros are texts, as are those that OMERO could not keep exactly.

    Parameters
    ----------
    has_decimal_commas
        ``1,5`` is a number.
    """
    stripped = [value.strip() for value in values]
    known = [value for value in stripped if value.lower() not in _MISSING]
    if known and all(value.lower() in _TRUTHS for value in known) and len(known) == len(values):
        return TableColumn(name=name, kind="bool", values=[_TRUTHS[value.lower()] for value in stripped])
    if known and all(_WHOLE.fullmatch(value) for value in known):
        return _whole(name, stripped, known)
    if has_decimal_commas and all(_COMMA.fullmatch(value) or _NUMBER.fullmatch(value) for value in known):
        stripped = [value.replace(",", ".") for value in stripped]
        known = [value.replace(",", ".") for value in known]
    is_number = all(_NUMBER.fullmatch(v) and not _LEADING_ZERO.match(v) for v in known)
    if known and is_number:
        return _numbers(name, stripped)
    return TableColumn(name=name, kind="string", values=list(values))


def _whole(name: str, values: Sequence[str], known: Sequence[str]) -> TableColumn:
    largest = max(abs(int(value)) for value in known)
    if len(known) == len(values) and largest < _LARGEST:
        return TableColumn(name=name, kind="long", values=[int(value) for value in values])
    if len(known) < len(values) and largest <= _LARGEST_EXACT:
        return _numbers(name, values)
    return TableColumn(name=name, kind="string", values=list(values))


def _numbers(name: str, values: Sequence[str]) -> TableColumn:
    numbers = [None if value.lower() in _MISSING else float(value) for value in values]
    return TableColumn(name=name, kind="double", values=numbers)
