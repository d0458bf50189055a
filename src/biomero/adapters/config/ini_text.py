"""The text of an ini file, with the line of every value.

The standard library reads the same values and forgets where they stood, stops at the first fault, and cannot
write a file back. What is read here is what `configparser.RawConfigParser(allow_no_value=True)` reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_NEWLINE = re.compile(r"\r\n|\r|\n")
_SECTION = re.compile(r"\[(?P<name>.+)\]")
_OPTION = re.compile(r"(?P<key>.*?)\s*(?:(?P<delimiter>[=:])\s*(?P<value>.*))?$")
_COMMENTS = ("#", ";")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A key of a section.

    Parameters
    ----------
    key
        In lower case.
    value
        ``None`` for a key without ``=``.
    lines
        The lines that hold it, from 1: the key's own, then those on which the value goes on.
    """

    section: str
    key: str
    value: str | None
    lines: tuple[int, ...]

    @property
    def line(self) -> int:
        """The line of the key."""
        return self.lines[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A line that makes the file no ini file."""

    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IniText:
    """What an ini file says.

    Parameters
    ----------
    sections
        The line of each section's header.
    """

    entries: tuple[Entry, ...] = ()
    sections: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()

    def of(self, section: str) -> dict[str, Entry]:
        """Return the entries of a section by key."""
        return {entry.key: entry for entry in self.entries if entry.section == section}


def lines_of(text: str) -> list[str]:
    """Split a text as Python's text files do, keeping the ends of lines."""
    pieces: list[str] = []
    start = 0
    for match in _NEWLINE.finditer(text):
        pieces.append(text[start : match.end()])
        start = match.end()
    return [*pieces, text[start:]] if start < len(text) else pieces


def read_ini(text: str) -> IniText:
    """Read a text; what is wrong with it is among its faults."""
    reader = _Reader()
    for number, line in enumerate(lines_of(text.removeprefix("\ufeff")), start=1):
        reader.take(number, line.rstrip("\r\n"))
    return IniText(
        entries=tuple(reader.entries()),
        sections=reader.sections,
        faults=tuple(sorted(reader.faults, key=_line)),
    )


def is_comment(line: str) -> bool:
    """Say whether a line is a comment, or empty."""
    return not line.strip() or line.strip().startswith(_COMMENTS)


def _line(fault: Fault) -> int:
    return fault.line


@dataclass(slots=True)
class _Open:
    """An entry that may go on."""

    section: str
    key: str
    values: list[str] | None
    lines: list[int]


class _Reader:
    """Takes line after line."""

    def __init__(self) -> None:
        self.sections: dict[str, int] = {}
        self.faults: list[Fault] = []
        self._found: list[_Open] = []
        self._section: str | None = None
        self._open: _Open | None = None
        self._indent = 0

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        text = line.strip()
        if not text and self._open is not None and self._open.values is not None:
            self._open.values.append("")
        if is_comment(line):
            return
        indent = len(line) - len(line.lstrip())
        if self._open is not None and indent > self._indent:
            self._go_on(number, text)
            return
        self._indent = indent
        header = _SECTION.match(text)
        if header is not None:
            self._begin(number, header["name"])
        elif self._section is None:
            self.faults.append(Fault(line=number, message="this stands before the first [SECTION]"))
        else:
            self._option(number, text, self._section)

    def entries(self) -> Iterator[Entry]:
        """Return what was read."""
        for found in self._found:
            value = None if found.values is None else "\n".join(found.values).rstrip()
            yield Entry(section=found.section, key=found.key, value=value, lines=tuple(found.lines))

    def _go_on(self, number: int, text: str) -> None:
        assert self._open is not None  # noqa: S101 - the caller looked
        if self._open.values is None:
            message = f"this line is indented, and so belongs to '{self._open.key}', which has no '='"
            self.faults.append(Fault(line=number, message=message))
            return
        self._open.values.append(text)
        self._open.lines.append(number)

    def _begin(self, number: int, name: str) -> None:
        self._section, self._open = name, None
        if name in self.sections:
            message = f"[{name}] stands here again; it began on line {self.sections[name]}"
            self.faults.append(Fault(line=number, message=message))
        self.sections.setdefault(name, number)

    def _option(self, number: int, text: str, section: str) -> None:
        match = _OPTION.match(text)
        key = match["key"].rstrip().lower() if match else ""
        if match is None or not key:
            self.faults.append(Fault(line=number, message="there is no key before the '='"))
            self._open = None
            return
        first = next((o for o in self._found if (o.section, o.key) == (section, key)), None)
        if first is not None:
            message = f"[{section}] {key}: stands twice, here and on line {first.lines[0]}"
            self.faults.append(Fault(line=number, message=message))
        values = None if match["delimiter"] is None else [match["value"].strip()]
        self._open = _Open(section=section, key=key, values=values, lines=[number])
        if first is None:
            self._found.append(self._open)
