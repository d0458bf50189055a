"""Options of ``sbatch`` in files of settings, to resources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from biomero.adapters.config.layers import Found
from biomero.adapters.config.problems import Problem
from biomero.adapters.config.resources import is_set_by_biomero, resources_from, takes_value
from biomero.domain.job import JobResources
from biomero.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option's value, and the section and key that say it."""

    section: str
    key: str
    found: Found

    def problem(self, message: str) -> Problem:
        """Return what is wrong with it."""
        return Problem(message=message, origin=self.found.origin, section=self.section, key=self.key)


def resources_of(
    options: Mapping[str, Option], *, problems: list[Problem], warnings: list[Problem]
) -> JobResources:
    """Turn options into resources; what is wrong with one is added to the problems.

    An option of those that take a value counts as not said when its value is empty; any other one without a
    value is an option that takes none.

    Parameters
    ----------
    options
        By the name that ``sbatch`` has for them, without dashes at the front.
    """
    good: dict[str, str] = {}
    for name, option in options.items():
        text = option.found.text or ""
        if not text and takes_value(name):
            continue
        if is_set_by_biomero(name):
            warnings.append(option.problem(f"BIOMERO sets --{name} itself; it has no effect"))
            continue
        try:
            resources_from({name: text}, where="")
        except ConfigurationError as exc:
            problems.append(option.problem(str(exc).removeprefix(f"{name}: ")))
        else:
            good[name] = text
    return resources_from(good, where="")
