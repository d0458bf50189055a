"""Changing one key of an ini file, and no other byte."""

from __future__ import annotations

import re

from biomero.adapters.config.comments import cut_comment
from biomero.adapters.config.ini_text import Entry, IniText, lines_of, read_ini
from biomero.errors import ConfigurationError

_KEY_AND_DELIMITER = re.compile(r"\s*[^=:\r\n]*?\s*[=:][^\S\r\n]*")
_END = re.compile(r"(\r\n|\r|\n)?$")
_INDENT = re.compile(r"[^\S\r\n]*")


def set_key(text: str, section: str, key: str, value: str) -> str:
    """Return the text with a key set; a key or section that is not there is added.

    Raises
    ------
    ConfigurationError
        If an ini file cannot hold the value, or the text is none.
    """
    _check(text)
    if cut_comment(key, value) != value:
        raise ConfigurationError(
            f"[{section}] {key}: an ini file cannot hold this value: what follows on ' #' is a comment there"
        )
    entry = read_ini(text).of(section).get(key)
    changed = _add(text, section, key, value) if entry is None else _replace(text, entry, value)
    return _verified(text, changed, section, key, value)


def unset_key(text: str, section: str, key: str) -> str:
    """Return the text without a key.

    Raises
    ------
    ConfigurationError
        If the key is not there, or the text is no ini file.
    """
    _check(text)
    entry = read_ini(text).of(section).get(key)
    if entry is None:
        raise ConfigurationError(f"[{section}] {key} is not set there")
    lines = lines_of(text)
    kept = [line for number, line in enumerate(lines, start=1) if number not in entry.lines]
    return _verified(text, "".join(kept), section, key, None)


def _check(text: str) -> None:
    faults = read_ini(text).faults
    if faults:
        raise ConfigurationError(f"put line {faults[0].line} right by hand first: {faults[0].message}")


def _replace(text: str, entry: Entry, value: str) -> str:
    lines = lines_of(text)
    first = lines[entry.line - 1]
    match = _KEY_AND_DELIMITER.match(first) if entry.value is not None else None
    before = match[0] if match else f"{first.rstrip()} = "
    indent = _INDENT.match(first)
    lines[entry.line - 1] = _written(before, value, _end_of(first), indent[0] if indent else "")
    kept = [line for number, line in enumerate(lines, start=1) if number not in entry.lines[1:]]
    return "".join(kept)


def _add(text: str, section: str, key: str, value: str) -> str:
    lines = lines_of(text)
    newline = next((_end_of(line) for line in lines if _end_of(line)), "\n")
    if lines and not _end_of(lines[-1]):
        lines[-1] += newline
    ini = read_ini(text)
    if section not in ini.sections:
        gap = [newline] if lines and lines[-1].strip() else []
        return "".join([*lines, *gap, f"[{section}]{newline}", _written(f"{key} = ", value, newline, "")])
    at, indent = _end_of_section(ini, section, lines)
    lines.insert(at, _written(f"{indent}{key} = ", value, newline, indent))
    return "".join(lines)


def _end_of_section(ini: IniText, section: str, lines: list[str]) -> tuple[int, str]:
    """Return after how many lines a new key goes, and how far keys are indented there."""
    entries = ini.of(section).values()
    last = max((entry.lines[-1] for entry in entries), default=ini.sections[section])
    first = max((entry.line for entry in entries), default=ini.sections[section])
    indent = _INDENT.match(lines[first - 1].removeprefix("\ufeff"))
    return last, indent[0] if indent else ""


def _written(before: str, value: str, end: str, indent: str) -> str:
    newline = end or "\n"
    return before + f"{newline}{indent}    ".join(value.splitlines() or [""]) + end


def _end_of(line: str) -> str:
    match = _END.search(line)
    return (match[1] or "") if match else ""


def _verified(text: str, changed: str, section: str, key: str, value: str | None) -> str:
    """Read back what would be written: the one key has its value, and all others have theirs."""
    before = {(e.section, e.key): e.value for e in read_ini(text).entries}
    after_text = read_ini(changed)
    after = {(e.section, e.key): e.value for e in after_text.entries}
    before.pop((section, key), None)
    if value is not None:
        before[section, key] = value
    if after_text.faults or after != before:
        raise ConfigurationError(
            f"[{section}] {key}: an ini file cannot hold this value: it begins or ends with a space, "
            "or has a line that is empty, a comment or a [SECTION]"
        )
    return changed
