"""Secrets: given as they are, or as the name of a file that holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from biomero.adapters.config.ini_text import read_ini
from biomero.adapters.config.keys import SETTINGS
from biomero.adapters.config.layers import Found, Layer
from biomero.adapters.config.places import local_path
from biomero.adapters.config.problems import Problem

FILE = "_file"
_SECRETS = [(s.section, s.key) for s in SETTINGS if s.is_secret]
_FILE_KEYS = frozenset(key + FILE for _, key in _SECRETS)


def secret_files(paths: Sequence[Path], environment: Mapping[str, str]) -> list[Path]:
    """Return the files that settings and the environment name for secrets, whether they are there or not."""
    named = [environment.get(f"{name}_FILE", "") for s in SETTINGS if s.is_secret for name in s.variables]
    for path in paths:
        try:
            ini = read_ini(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        named += [entry.value or "" for entry in ini.entries if entry.key in _FILE_KEYS]
    return [local_path(name.strip()) for name in named if name.strip()]


def drop_other_form(values: dict[tuple[str, str], Found], section: str, key: str) -> None:
    """Forget a secret that a lower file gave in the other form."""
    for known in _SECRETS:
        if known == (section, key):
            values.pop((section, key + FILE), None)
        elif known == (section, key.removesuffix(FILE)):
            values.pop(known, None)


def secret_given_twice(layer: Layer) -> Iterator[Problem]:
    """Tell of secrets that one file gives in both forms."""
    for section, key in _SECRETS:
        entries = layer.ini.of(section)
        if key in entries and key + FILE in entries:
            origin = layer.origin(entries[key + FILE])
            message = f"stands beside {key}; give one of the two"
            yield Problem(message=message, origin=origin, section=section, key=key + FILE)


def read_secret_files(values: dict[tuple[str, str], Found]) -> list[Problem]:
    """Put the contents of files in the place of their names; tell of those that cannot be read."""
    problems: list[Problem] = []
    for section, key in _SECRETS:
        named = values.pop((section, key + FILE), None)
        if named is None or not named.text:
            continue
        try:
            text = local_path(named.text).read_text("utf-8").strip()
        except (OSError, ValueError) as exc:
            text, reason = "", exc.strerror if isinstance(exc, OSError) else "it is no text"
        else:
            reason = "it is empty"
        if not text:
            problems.append(
                Problem(
                    message=f"the file {named.text} cannot be read: {reason}",
                    origin=named.origin,
                    section=section,
                    key=key + FILE,
                )
            )
            continue
        values[section, key] = Found(text=text, origin=named.origin)
    return problems
