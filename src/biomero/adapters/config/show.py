"""What counts, value by value, for people: secrets are hidden."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from biomero.adapters.config.configuration import Configuration
from biomero.adapters.config.keys import CLUSTER, SETTINGS, WORKFLOWS, setting_of
from biomero.adapters.config.layers import Found
from biomero.adapters.config.problems import Origin
from biomero.domain.masking import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One value as it may be shown.

    Parameters
    ----------
    value
        ``None`` for a key without ``=``.
    """

    section: str
    key: str
    value: str | None
    origin: Origin


def rows(configuration: Configuration) -> list[Row]:
    """Return every value that counts, defaults too, in the order of the table of keys."""
    return [*_plain(configuration), *_clusters(configuration), *_workflows(configuration)]


def _plain(configuration: Configuration) -> Iterator[Row]:
    for section in dict.fromkeys(s.section for s in SETTINGS if s.section not in {CLUSTER, WORKFLOWS}):
        for known in (s for s in SETTINGS if s.section == section):
            if known.is_pattern:
                yield from _matching(configuration, section, known.key)
                continue
            found = configuration.get(section, known.key)
            if found is not None and found.text:
                yield _row(section, known.key, found)
            elif known.default is not None:
                yield Row(section=section, key=known.key, value=known.default, origin=Origin())


def _matching(configuration: Configuration, section: str, pattern: str) -> Iterator[Row]:
    for (where, key), found in configuration.values.items():
        known = setting_of(where, key) if where == section else None
        if known is not None and known.key == pattern:
            yield _row(section, key, found)


def _clusters(configuration: Configuration) -> Iterator[Row]:
    for (section, key), found in configuration.values.items():
        if section.startswith(CLUSTER) and setting_of(section, key) is not None:
            yield _row(section, key, found)


def _workflows(configuration: Configuration) -> Iterator[Row]:
    for removal in configuration.workflows.removals:
        yield _row(WORKFLOWS, "remove", removal)
    values = configuration.workflows.values
    for name in configuration.workflows.names:
        for key, found in values.items():
            parts = configuration.workflows.take_apart(key)
            if parts is not None and parts.workflow == name:
                yield _row(WORKFLOWS, key, found)


def _row(section: str, key: str, found: Found) -> Row:
    known = setting_of(section, key)
    is_secret = known is not None and known.is_secret
    value = None if found.text is None else shown(found.text, is_secret=is_secret)
    return Row(section=section, key=key, value=value, origin=found.origin)
