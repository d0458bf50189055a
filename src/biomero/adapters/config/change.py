"""Setting and unsetting keys in the file that changes are written to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomero.adapters.config.check_names import nearest_key
from biomero.adapters.config.configuration import read_configuration
from biomero.adapters.config.edit_text import set_key, unset_key
from biomero.adapters.config.keys import CLUSTER, OLD_WORKFLOWS, SECTIONS, WORKFLOWS, setting_of
from biomero.adapters.config.load import judge
from biomero.adapters.config.places import FILES, authoritative_path, config_paths, write_path
from biomero.adapters.config.problems import Problem
from biomero.adapters.config.write_file import replace_file
from biomero.errors import ConfigurationError

_LINE = re.compile(r":[0-9]+\b|\bline [0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a change did.

    Parameters
    ----------
    file
        The file that was written.
    backup
        The copy of what it was; ``None`` for a new file.
    warnings
        What is new among the warnings.
    """

    file: Path
    backup: Path | None
    section: str
    key: str
    warnings: tuple[Problem, ...]


def change_setting(
    name: str,
    value: str | None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    files: Sequence[Path] = FILES,
) -> Changed:
    """Write a value, or take one away, in the file that changes are written to.

    Parameters
    ----------
    name
        Section and key, such as ``SLURM.slurm_data_path``.
    value
        ``None`` to take the key away.
    file
        The file to write, instead of the usual one.

    Raises
    ------
    ConfigurationError
        If the value is not what its key wants, the configuration would not hold with it, or the file
        cannot be written; nothing is changed then.
    """
    section, key = split_name(name)
    if value is not None and section not in {WORKFLOWS, OLD_WORKFLOWS} and setting_of(section, key) is None:
        hint = nearest_key(section, key)
        raise ConfigurationError(
            f"there is no key '{key}' in [{section}]{hint}; see: biomero config reference"
        )
    target = write_path(file, environment=environment)
    old = _text_of(target)
    begin = old or ""
    new = set_key(begin, section, key, value) if value is not None else unset_key(begin, section, key)
    warnings = _check(target, file, begin, new, environment=environment, files=files)
    backup = replace_file(target, new, expected=old) if new != begin else None
    return Changed(file=target, backup=backup, section=section, key=key, warnings=warnings)


def split_name(name: str) -> tuple[str, str]:
    """Split section and key.

    >>> split_name("CLUSTER gpu.slurm_data_path")
    ('CLUSTER gpu', 'slurm_data_path')

    Raises
    ------
    ConfigurationError
        If there is no such section.
    """
    is_cluster = name.upper().startswith(CLUSTER)
    written, _, key = name.rpartition(".") if is_cluster else name.partition(".")
    head, space, tail = written.partition(" ")
    section = f"{head.upper()}{space}{tail.strip()}"
    known = (*SECTIONS, OLD_WORKFLOWS)
    if not key or (section not in known and not (is_cluster and tail.strip())):
        listed = ", ".join(known)
        raise ConfigurationError(
            f"{name!r} is no SECTION.KEY; sections are {listed} and CLUSTER name, as in SLURM.slurm_data_path"
        )
    return section, key.strip().lower()


def _text_of(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc}") from exc


def _check(
    target: Path,
    file: Path | None,
    old: str,
    new: str,
    *,
    environment: Mapping[str, str],
    files: Sequence[Path],
) -> tuple[Problem, ...]:
    """Judge the whole configuration as it would be; what was wrong before does not count."""
    is_usual = target in config_paths(None, environment=environment, files=files)
    explicit = None if is_usual or authoritative_path(environment) else file or target
    judged = [
        judge(
            read_configuration(explicit, environment=environment, files=files, texts={target: text}),
            environment=environment,
        )
        for text in (old, new)
    ]
    known = {_essence(p) for p in (*judged[0].problems, *judged[0].warnings)}
    fresh = [problem for problem in judged[1].problems if _essence(problem) not in known]
    if fresh:
        raise ConfigurationError("; ".join(f"[{p.section}] {p.key}: {p.message}" for p in fresh))
    return tuple(warning for warning in judged[1].warnings if _essence(warning) not in known)


def _essence(problem: Problem) -> tuple[str, str, str]:
    # lines move on when others come or go
    return (problem.section, problem.key, _LINE.sub("", problem.message))
