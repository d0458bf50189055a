"""Sections and keys that nobody knows, and lines that do not mean what they seem to."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Iterator

from biomero.adapters.config.comments import SHELL_KEYS, cut_comment
from biomero.adapters.config.ini_text import Entry
from biomero.adapters.config.keys import (
    CLUSTER,
    OLD_WORKFLOWS,
    SECTIONS,
    SETTINGS,
    WORKFLOWS,
    setting_of,
)
from biomero.adapters.config.layers import Layer
from biomero.adapters.config.problems import Origin, Problem
from biomero.adapters.config.workflow_keys import WorkflowKeys, possible_keys
from biomero.domain.repository_refs import is_moving

_LIKE_A_KEY = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9_.-]*)\s*=")
_OPTIONS = ("mem", "time", "partition", "gres", "gpus", "account", "qos", "cpus-per-task", "constraint")
_VERSION = re.compile(r"/(?:tree|blob|raw)/(?P<ref>[^/]+)")
_NOT_PINNED = (
    "names no version, so that the workflow may be another one tomorrow; pin one, as in "
    "https://github.com/org/name/tree/v1.2"
)


def without_comments(layer: Layer) -> Layer:
    """Cut comments off the ends of values; `check_names` tells of them."""
    entries = tuple(_cut(entry) for entry in layer.ini.entries)
    return dataclasses.replace(layer, ini=dataclasses.replace(layer.ini, entries=entries))


def check_names(layer: Layer) -> Iterator[Problem]:
    """Tell of unknown sections and keys of a file, and of what was read otherwise than it looks."""
    for section, line in layer.ini.sections.items():
        if not _is_known(section):
            hint = _nearest(section, [*SECTIONS, OLD_WORKFLOWS, "CLUSTER name"])
            message = f"[{section}] is no section that BIOMERO knows, and has no effect{hint}"
            yield Problem(message=message, origin=Origin(file=layer.path, line=line))
    for entry in layer.ini.entries:
        if not _is_known(entry.section):
            continue
        yield from _check_lines(layer, entry)
        if entry.section not in {WORKFLOWS, OLD_WORKFLOWS} and setting_of(entry.section, entry.key) is None:
            message = f"there is no such key, and it has no effect{_where_else(entry)}"
            yield _about(layer, entry, message)


def check_workflow_names(workflows: WorkflowKeys) -> Iterator[Problem]:
    """Tell of keys that belong to no workflow, and of repositories without a version."""
    known = possible_keys(workflows.names, _OPTIONS)
    for key, found in workflows.values.items():
        parts = workflows.take_apart(key)
        message = None
        if parts is None and found.text != "":
            hint = _nearest(key, known)
            message = f"belongs to no workflow that has a '…_repo', and has no effect{hint}"
        elif parts is not None and parts.role == "<workflow>_repo" and "://" in (found.text or ""):
            ref = _VERSION.search(found.text or "")
            if ref is None or is_moving(ref["ref"]):
                message = _NOT_PINNED
        if message:
            yield Problem(message=message, origin=found.origin, section=WORKFLOWS, key=key)


def _cut(entry: Entry) -> Entry:
    if entry.value is None:
        return entry
    return dataclasses.replace(entry, value=cut_comment(entry.key, entry.value))


def _check_lines(layer: Layer, entry: Entry) -> Iterator[Problem]:
    if _cut(entry).value != entry.value:
        yield _about(layer, entry, "what follows on the '#' is not taken; a comment has its own line")
    if entry.key in SHELL_KEYS:
        return
    further = [
        line for line in (entry.value or "").split("\n")[1:] if line
    ]  # lines that are empty have no number
    for number, line in zip(entry.lines[1:], further, strict=False):
        inner = _LIKE_A_KEY.match(line)
        if inner is not None:
            message = f"'{inner['key']}' is indented, and so belongs to the value of '{entry.key}' above it"
            yield Problem(
                message=message,
                origin=Origin(file=layer.path, line=number),
                section=entry.section,
                key=entry.key,
            )


def _is_known(section: str) -> bool:
    is_cluster = section.startswith(CLUSTER) and section.removeprefix(CLUSTER).strip()
    return bool(is_cluster) or section in {*SECTIONS, OLD_WORKFLOWS}


def _about(layer: Layer, entry: Entry, message: str) -> Problem:
    return Problem(message=message, origin=layer.origin(entry), section=entry.section, key=entry.key)


def _where_else(entry: Entry) -> str:
    elsewhere = [
        s.section
        for s in SETTINGS
        if s.section not in {WORKFLOWS, CLUSTER} and not s.is_pattern and s.matches(entry.key)
    ]
    if elsewhere:
        return f"; it belongs to [{elsewhere[0]}]"
    return nearest_key(entry.section, entry.key)


def nearest_key(section: str, key: str) -> str:
    """Return words that ask for the key which was likely meant, or nothing."""
    return _nearest(key, [s.key for s in SETTINGS if s.matches_section(section)])


def _nearest(name: str, known: Iterable[str]) -> str:
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean '{by_folded[close[0]]}'?" if close else ""
