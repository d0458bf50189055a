"""Checking the values of parameters before anything is sent."""

from __future__ import annotations

import difflib
import math
import re
import reprlib
from collections.abc import Mapping

from biomero.domain.descriptor import Parameter, ParameterType, ParameterValue, WorkflowDescriptor
from biomero.errors import ParameterError

_INTEGER = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_MAX_DIGITS = 400  # no number is that long; Python refuses to read some that are longer


def check_parameters(
    descriptor: WorkflowDescriptor, given: Mapping[str, str | ParameterValue]
) -> dict[str, ParameterValue]:
    """Turn what a user gave into typed values, with defaults for the rest.

    Optional parameters without a default that were not given are left out.

    Parameters
    ----------
    given
        Values by parameter id: text, as on a command line, or values of the right type.

    Returns
    -------
    dict
        Values in the descriptor's order.

    Raises
    ------
    ParameterError
        If a parameter is unknown, missing, of the wrong type, none of the choices, or out of range.
        The message names all that are wrong.
    """
    known = {parameter.id: parameter for parameter in descriptor.user_parameters}
    problems = [_unknown(descriptor, name) for name in given if name not in known]
    values: dict[str, ParameterValue] = {}
    for parameter in known.values():
        if parameter.id not in given:
            if parameter.default is not None:
                values[parameter.id] = parameter.default
            elif not parameter.optional:
                problems.append(f"parameter '{parameter.id}' ({_wants(parameter)}) must be given")
            continue
        try:
            values[parameter.id] = check_value(parameter, given[parameter.id])
        except ParameterError as exc:
            problems.append(str(exc))
    if problems:
        raise ParameterError(f"{descriptor.name}: {'; '.join(problems)}")
    return values


def check_value(parameter: Parameter, given: str | ParameterValue) -> ParameterValue:
    """Turn one value into the parameter's type, and check choices and range.

    Raises
    ------
    ParameterError
        If it does not fit; the message says what does.
    """
    try:
        value = read_value(parameter.type, given)
    except ValueError as exc:
        raise ParameterError(f"parameter '{parameter.id}' {exc}; it takes {_wants(parameter)}") from exc
    if parameter.choices and value not in [choice.value for choice in parameter.choices]:
        raise ParameterError(
            f"parameter '{parameter.id}' cannot be {_shown(value)}; it takes {_wants(parameter)}"
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool) and not _in_range(parameter, value):
        raise ParameterError(f"parameter '{parameter.id}' cannot be {value}; it takes {_wants(parameter)}")
    return value


def read_value(kind: ParameterType, given: str | ParameterValue) -> ParameterValue:
    """Turn a value into a type, by how it is spelt and never by what Python holds for true.

    Raises
    ------
    ValueError
        If it is not of that type; the text follows on the name of the parameter.
    """
    if kind is ParameterType.BOOLEAN:
        return _boolean(given)
    if kind is ParameterType.INTEGER:
        return _integer(given)
    if kind is ParameterType.FLOAT:
        return _float(given)
    if kind is ParameterType.NUMBER:
        is_whole = isinstance(given, int) or (isinstance(given, str) and _INTEGER.fullmatch(given.strip()))
        return _integer(given) if is_whole else _float(given)
    return _text(given)


def nearest(name: str, known: list[str]) -> str:
    """Return the half sentence that leads from an unknown name to the known ones."""
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    hint = f"did you mean '{by_folded[close[0]]}'? " if close else ""
    return f"{hint}known: {', '.join(known) or 'none'}"


def _unknown(descriptor: WorkflowDescriptor, name: str) -> str:
    for parameter in descriptor.parameters:
        if parameter.id == name:
            is_input = parameter.type.is_path and not parameter.output_folder
            reason = "is an input, for files" if is_input else "is filled in by BIOMERO"
            return f"'{name}' {reason}, and cannot be set as a parameter"
    return f"no parameter '{name}'; {nearest(name, [p.id for p in descriptor.user_parameters])}"


def _boolean(given: str | ParameterValue) -> bool:
    if isinstance(given, bool):
        return given
    spelt = str(given).strip().lower()
    if spelt not in _BOOLEANS:
        raise ValueError(f"is {_shown(given)}, neither true nor false")
    return _BOOLEANS[spelt]


def _integer(given: str | ParameterValue) -> int:
    if isinstance(given, bool):
        raise ValueError(f"is {given}, no integer")  # noqa: TRY004 - one exception for what does not fit
    if isinstance(given, int):
        if given.bit_length() > _MAX_DIGITS:
            raise ValueError("is too large an integer")
        return given
    # A float such as 30.0 comes from JSON or OMERO and means 30; text is taken as it was written.
    if isinstance(given, float) and given.is_integer():
        return int(given)
    written = str(given).strip()
    if not _INTEGER.fullmatch(written) or len(written) > _MAX_DIGITS:
        raise ValueError(f"is {_shown(given)}, no integer")
    return int(written)


def _float(given: str | ParameterValue) -> float:
    if isinstance(given, bool):
        raise ValueError(f"is {given}, no number")  # noqa: TRY004 - one exception for what does not fit
    if isinstance(given, str) and (not _FLOAT.fullmatch(given.strip()) or len(given) > _MAX_DIGITS):
        hint = " (decimals are written with a point)" if "," in given else ""
        raise ValueError(f"is {_shown(given)}, no number{hint}")
    if isinstance(given, int) and given.bit_length() > _MAX_DIGITS:
        raise ValueError("is too large a number")
    value = float(given)
    if not math.isfinite(value):
        raise ValueError(f"is {_shown(given)}, no finite number")
    return value


def _text(given: str | ParameterValue) -> str:
    if isinstance(given, bool):
        raise ValueError(f"is {given}, no text")  # noqa: TRY004 - one exception for what does not fit
    value = given if isinstance(given, str) else str(given)
    if "\0" in value:
        raise ValueError("holds a NUL character, which no program can be given")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as exc:
        raise ValueError("holds half a character, which no program can be given") from exc
    return value


def _shown(value: str | ParameterValue) -> str:
    return reprlib.repr(value)


def _in_range(parameter: Parameter, value: float) -> bool:
    above = parameter.minimum is None or value >= parameter.minimum
    return above and (parameter.maximum is None or value <= parameter.maximum)


def _wants(parameter: Parameter) -> str:
    if parameter.choices:
        shown = (
            f"{c.value}" if c.label == str(c.value) else f"{c.value} ({c.label})" for c in parameter.choices
        )
        return f"one of: {', '.join(shown)}"
    words = {
        ParameterType.INTEGER: "an integer",
        ParameterType.FLOAT: "a number",
        ParameterType.NUMBER: "a number",
        ParameterType.BOOLEAN: "true or false",
    }.get(parameter.type, "text")
    if parameter.minimum is not None and parameter.maximum is not None:
        return f"{words} from {parameter.minimum:g} to {parameter.maximum:g}"
    if parameter.minimum is not None:
        return f"{words} of at least {parameter.minimum:g}"
    if parameter.maximum is not None:
        return f"{words} of at most {parameter.maximum:g}"
    return words
