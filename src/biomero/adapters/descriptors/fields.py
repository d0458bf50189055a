"""Reading the fields of a descriptor, with errors that name file and field."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from biomero.domain.descriptor import Choice, Parameter, ParameterType, ParameterValue
from biomero.domain.parameters import check_value, read_value
from biomero.errors import DescriptorError, ParameterError

PATH_TYPES: Mapping[str, ParameterType] = {kind.value: kind for kind in ParameterType if kind.is_path}


class Fields:
    """A mapping of a descriptor, and where in the file it stands."""

    def __init__(self, content: object, *, file: Path, place: str = "") -> None:
        self.file = file
        self.place = place
        if not isinstance(content, dict):
            raise DescriptorError(f"{file}: {place or 'the descriptor'} must be a mapping of names to values")
        self.content: Mapping[str, object] = content

    def error(self, name: str, problem: str) -> DescriptorError:
        """Return the error that names file and field."""
        return DescriptorError(f"{self.file}: {self._at(name)}: {problem}")

    def text(self, name: str, default: str = "") -> str:
        """Return a text; numbers are spelt, and what is absent is `default`."""
        value = self.content.get(name)
        if value is None:
            return default
        if isinstance(value, (str, int, float)):
            return str(value)
        raise self.error(name, f"must be text, not {_described(value)}")

    def boolean(self, name: str, *, default: bool, lenient: bool = False) -> bool:
        """Return a boolean, by how it is spelt; `lenient` takes what is neither for absent."""
        value = self.content.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, (str, int)):
            try:
                return bool(read_value(ParameterType.BOOLEAN, value))
            except ValueError:
                pass
        if lenient:
            return default
        raise self.error(name, f"must be true or false, not {_described(value)}")

    def number(self, name: str) -> float | None:
        """Return a number, or nothing where it is absent."""
        value = self.content.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, (str, int, float)):
            try:
                return float(read_value(ParameterType.FLOAT, value))
            except ValueError:
                pass
        raise self.error(name, f"must be a number, not {_described(value)}")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; a single text is a list of one."""
        value = self.content.get(name)
        if value is None or value == "":
            return ()
        if not isinstance(value, list):
            return (self.text(name),)
        if not all(isinstance(item, (str, int, float)) for item in value):
            raise self.error(name, "must be a list of texts")
        return tuple(str(item) for item in value)

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of a command line, taken apart as a shell would."""
        try:
            return tuple(shlex.split(self.text(name)))
        except ValueError as exc:
            raise self.error(name, f"not a command line: {exc}") from exc

    def one(self, name: str) -> Fields:
        """Return the mapping in a field; an absent one is empty."""
        value = self.content.get(name)
        return Fields({} if value is None else value, file=self.file, place=self._at(name))

    def many(self, name: str) -> Iterator[Fields]:
        """Return the mappings in a list, or the values of a mapping; an absent one is empty."""
        value = self.content.get(name)
        if value is None or value == "":
            return
        if isinstance(value, dict):
            for key, entry in value.items():
                yield Fields(entry, file=self.file, place=f"{self._at(name)}.{key}")
            return
        if not isinstance(value, list):
            raise self.error(name, f"must be a list, not {_described(value)}")
        for index, entry in enumerate(value):
            yield Fields(entry, file=self.file, place=f"{self._at(name)}[{index}]")

    def value(self, name: str, kind: ParameterType) -> ParameterValue | None:
        """Return a value of a parameter's type, or nothing where it is absent."""
        value = self.content.get(name)
        if value is None or (value == "" and kind is not ParameterType.STRING):
            return None
        if not isinstance(value, (str, bool, int, float)):
            raise self.error(name, f"must be a single value, not {_described(value)}")
        if kind is ParameterType.STRING and isinstance(value, bool):
            return str(value)
        try:
            return read_value(kind, value)
        except ValueError as exc:
            raise self.error(name, f"{exc}") from exc

    def checked(self, name: str, parameter: Parameter) -> Parameter:
        """Return the parameter if its default fits its own choices and range."""
        low, high = parameter.minimum, parameter.maximum
        if low is not None and high is not None and low > high:
            raise self.error("minimum", f"{low:g} is above the maximum, {high:g}")
        if parameter.default is not None:
            try:
                check_value(parameter, parameter.default)
            except ParameterError as exc:
                raise self.error(name, f"the default does not fit: {exc}") from exc
        return parameter

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name


def choices(
    fields: Fields, name: str, kind: ParameterType, *, values: Sequence[object], labels: Sequence[object]
) -> tuple[Choice, ...]:
    """Pair allowed values with their labels; a value without one is its own label."""
    found = []
    for index, raw in enumerate(values):
        value = Fields({"": raw}, file=fields.file, place=f"{fields.place}.{name}[{index}]").value("", kind)
        if value is None:
            raise fields.error(f"{name}[{index}]", "an allowed value cannot be empty")
        label = labels[index] if index < len(labels) else None
        found.append(Choice(value=value, label=str(value) if label in (None, "") else str(label)))
    return tuple(found)


def check_unique(fields: Fields, name: str, parameters: Sequence[Parameter]) -> None:
    """Refuse two parameters of one id.

    Raises
    ------
    DescriptorError
        If there are two.
    """
    seen: set[str] = set()
    for parameter in parameters:
        if parameter.id in seen:
            raise fields.error(name, f"'{parameter.id}' is there twice; ids must be unique")
        seen.add(parameter.id)


def _described(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value)
