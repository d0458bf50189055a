"""The fields of a JSON object: every one is looked at, and a wrong one is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biomero.domain.omero import LARGEST_ID, OmeroRef
from biomero.errors import InputError

_LONGEST_NAME = 255


class Fields:
    """The fields of a JSON object, each taken once; every method raises `InputError` with a field's name."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, Mapping):
            raise InputError(f"{what} is no JSON object")
        self._left = dict(value)
        self._what = what

    def take(self, name: str, otherwise: Any) -> Any:  # noqa: ANN401 - JSON has no type of its own
        """Return a value as it is."""
        return self._left.pop(name, otherwise)

    def text(self, name: str) -> str:
        """Return a line of text, without spaces around it; empty without one."""
        value = self.take(name, "")
        if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
            raise InputError(f"{name}: wanted is a line of {_LONGEST_NAME} characters at most")
        return value.strip()

    def texts(self, name: str) -> list[str]:
        """Return texts as they are; none without the field."""
        value = self.take(name, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise InputError(f"{name}: wanted is a list of texts")
        return value

    def flag(self, name: str) -> bool:
        """Return whether something is wished."""
        value = self.take(name, False)  # noqa: FBT003 - a field that is left out
        if not isinstance(value, bool):
            raise InputError(f"{name}: wanted is true or false")
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number from 1 on that OMERO could have for an id."""
        value: int | None = self.take(name, None)
        is_number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_ID
        if value is not None and not is_number:
            raise InputError(f"{name}: wanted is a whole number from 1 on, not {value!r}")
        return value

    def one_of(self, name: str, words: tuple[str, ...], *, otherwise: str) -> str:
        """Return one of some words."""
        value = self.text(name) or otherwise
        if value not in words:
            raise InputError(f"{name}: there are {', '.join(words)}, not {value!r}")
        return value

    def targets(self, name: str) -> tuple[str, ...]:
        """Return objects of OMERO, each once."""
        try:
            return tuple(dict.fromkeys(str(OmeroRef.parse(text)) for text in self.texts(name)))
        except ValueError as exc:
            raise InputError(f"{name}: {exc}") from exc

    def part(self, name: str) -> Fields:
        """Return the fields of an object within."""
        return Fields(self.take(name, {}), name)

    def end(self) -> None:
        """Refuse what nobody has taken."""
        if self._left:
            raise InputError(f"{self._what} has a field that is not known: {next(iter(self._left))!r}")
