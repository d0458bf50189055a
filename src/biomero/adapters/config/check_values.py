"""Reading values, and saying what is wrong with one and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from biomero.adapters.config.keys import WORKFLOWS, Setting, setting, setting_of
from biomero.adapters.config.layers import Found
from biomero.adapters.config.problems import Problem
from biomero.adapters.config.workflow_keys import WorkflowKeys
from biomero.domain.masking import masked

_REFERENCE = re.compile(r"%\((?P<key>[^)]*)\)s")
_NAME = re.compile(r"[^\W_][\w.+-]*")
_LONGEST = 80


def read_value(known: Setting, found: Found) -> object:
    """Return a value as its kind reads it; ``None`` for an empty one.

    Raises
    ------
    ValueError
        If it is not what is allowed; the text says what is.
    """
    if not found.text:
        return None
    reference = _REFERENCE.search(found.text)
    if reference is not None and not known.is_secret:
        raise ValueError(f"{reference[0]} is not filled in; write out the value of '{reference['key']}'")
    try:
        return known.kind.read(found.text)
    except ValueError as exc:
        allowed = f"wanted is {known.kind.allowed}"
        reason = f" ({exc})" if str(exc) else ""
        given = "" if known.is_secret else f", not {_shown(found.text)}"
        raise ValueError(f"{allowed}{given}{reason}") from None


def check_values(values: Mapping[tuple[str, str], Found]) -> Iterator[Problem]:
    """Tell of values that are not what their key wants; unknown keys are not looked at."""
    for (section, key), found in values.items():
        known = setting_of(section, key)
        if known is not None:
            yield from _check(known, found, section, key)


def check_workflow_values(workflows: WorkflowKeys) -> Iterator[Problem]:
    """Tell of wrong names of workflows, and of values that are not what their key wants."""
    for name in workflows.names:
        if not _NAME.fullmatch(name):
            yield Problem(
                message=f"a workflow cannot be called {name!r}; allowed are letters, digits and _ - . +",
                origin=workflows.values[f"{name}_repo"].origin,
                section=WORKFLOWS,
                key=f"{name}_repo",
            )
    for key, found in workflows.values.items():
        parts = workflows.take_apart(key)
        if parts is not None:
            yield from _check(setting(WORKFLOWS, parts.role), found, WORKFLOWS, key)


def _check(known: Setting, found: Found, section: str, key: str) -> Iterator[Problem]:
    try:
        read_value(known, found)
    except ValueError as exc:
        yield Problem(message=str(exc), origin=found.origin, section=section, key=key)


def _shown(text: str) -> str:
    shown = masked(text)
    return repr(shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…")
