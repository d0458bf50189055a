"""The configuration: what counts of files and environment, where it comes from, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.adapters.config.check_names import check_names, check_workflow_names, without_comments
from biomero.adapters.config.check_values import check_values, check_workflow_values
from biomero.adapters.config.keys import CLUSTER, OLD_WORKFLOWS, SETTINGS, WORKFLOWS
from biomero.adapters.config.layers import Found, Layer, read_layers
from biomero.adapters.config.places import AUTHORITATIVE, BASE_FILE, FILES, authoritative_path, config_paths
from biomero.adapters.config.problems import Origin, Problem
from biomero.adapters.config.secrets import drop_other_form, read_secret_files, secret_given_twice
from biomero.adapters.config.workflow_keys import WorkflowKeys, merge_workflow_keys

Values = dict[tuple[str, str], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What counts.

    Parameters
    ----------
    values
        By section and key, without those of workflows; variables of the environment have overridden files.
    clusters
        The names of further clusters, and where each section begins.
    files
        The files that were read, lowest first.
    problems
        What makes the configuration unusable.
    warnings
        What is likely a mistake.
    """

    values: Mapping[tuple[str, str], Found]
    workflows: WorkflowKeys
    clusters: Mapping[str, Origin]
    files: tuple[Path, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def get(self, section: str, key: str) -> Found | None:
        """Return what is said of a key of any section; ``None`` where nothing is."""
        if section in {WORKFLOWS, OLD_WORKFLOWS}:
            return self.workflows.values.get(key)
        return self.values.get((section, key))


def read_configuration(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] = os.environ,
    files: Sequence[Path] = FILES,
    base: Path | None = BASE_FILE,
    texts: Mapping[Path, str] | None = None,
) -> Configuration:
    """Read all files and the environment; problems are collected, not raised.

    Parameters
    ----------
    file
        A file to read after the usual ones.
    base
        The file below all others.
    texts
        What to take for the text of a file, instead of what stands there.
    """
    only = authoritative_path(environment)
    paths = config_paths(file, environment=environment, files=files)
    read = read_layers(
        paths if only or base is None else (base, *paths), needed=only or file, texts=texts or {}
    )
    layers = [without_comments(layer) for layer in read.files]
    values, clashes = _merge(layers)
    _override(values, environment)
    workflows = merge_workflow_keys(layers)
    return Configuration(
        values=values,
        workflows=workflows,
        clusters=_clusters(layers),
        files=tuple(layer.path for layer in layers),
        problems=(
            *read.problems,
            *clashes,
            *read_secret_files(values),
            *check_values(values),
            *check_workflow_values(workflows),
        ),
        warnings=(
            *_not_read(file, only),
            *(warning for layer in read.files for warning in check_names(layer)),
            *workflows.warnings,
            *check_workflow_names(workflows),
        ),
    )


def _merge(layers: Sequence[Layer]) -> tuple[Values, list[Problem]]:
    """Lay the files upon each other, key by key; an empty value takes what lower files say away."""
    values: Values = {}
    clashes: list[Problem] = []
    for layer in layers:
        clashes += secret_given_twice(layer)
        for entry in layer.ini.entries:
            if entry.section not in {WORKFLOWS, OLD_WORKFLOWS}:
                drop_other_form(values, entry.section, entry.key)
                values[entry.section, entry.key] = layer.found(entry)
    return values, clashes


def _clusters(layers: Sequence[Layer]) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for layer in layers:
        for section, line in layer.ini.sections.items():
            if section.startswith(CLUSTER) and section.removeprefix(CLUSTER).strip():
                found.setdefault(section.removeprefix(CLUSTER), Origin(file=layer.path, line=line))
    return found


def _override(values: Values, environment: Mapping[str, str]) -> None:
    """Let the environment override; a variable that is empty says nothing."""
    for setting in SETTINGS:
        names = [(setting.key, name) for name in setting.variables]
        if setting.is_secret:
            names += [(f"{setting.key}_file", f"{name}_FILE") for name in setting.variables]
        for key, name in names:
            text = environment.get(name, "").strip()
            if text:
                drop_other_form(values, setting.section, key)
                values[setting.section, key] = Found(text=text, origin=Origin(variable=name))
                break


def _not_read(file: Path | None, only: Path | None) -> list[Problem]:
    if only is None or file is None or file == only:
        return []
    message = f"is not read: {AUTHORITATIVE} says that {only} alone counts"
    return [Problem(message=message, origin=Origin(file=file))]
