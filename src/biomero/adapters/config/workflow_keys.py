"""Which workflow a key of [WORKFLOWS] belongs to, and what it says of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from biomero.adapters.config.keys import OLD_WORKFLOWS, WORKFLOWS
from biomero.adapters.config.layers import Found, Layer
from biomero.adapters.config.problems import Problem

REPO = "_repo"
_SUFFIXES = (
    *("", REPO, "_job", "_use_gpu", "_enabled", "_cluster"),
    *("_retry_memory_factor", "_retry_time_factor"),
)
_JOB_OPTION = "_job_"
_REMOVE = "remove"
_ALL = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowKey:
    """A key, taken apart.

    Parameters
    ----------
    role
        The pattern of the table of keys, such as ``<workflow>_repo``.
    option
        The option of ``sbatch``, where it is one.
    """

    workflow: str
    role: str
    option: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowKeys:
    """What all files together say of workflows.

    Parameters
    ----------
    values
        By key; those of removed workflows are gone.
    names
        The workflows, in the order in which they came.
    removals
        What the files want removed, for those who look at the configuration.
    """

    values: Mapping[str, Found]
    names: tuple[str, ...]
    removals: tuple[Found, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def take_apart(self, key: str) -> WorkflowKey | None:
        """Return what a key says; ``None`` where it belongs to no workflow."""
        return take_apart(key, self.names)


def take_apart(key: str, names: Iterable[str]) -> WorkflowKey | None:
    """Find the workflow of a key: the longest name that the key can begin with.

    >>> take_apart("my_job_tool_job_mem", ["my", "my_job_tool"])
    WorkflowKey(workflow='my_job_tool', role='<workflow>_job_<option>', option='mem')
    """
    for name in sorted(names, key=len, reverse=True):
        rest = key.removeprefix(name)
        if not key.startswith(name):
            continue
        if rest in _SUFFIXES:
            return WorkflowKey(workflow=name, role=f"<workflow>{rest}")
        if rest.startswith(_JOB_OPTION) and rest != _JOB_OPTION:
            option = rest.removeprefix(_JOB_OPTION)
            return WorkflowKey(workflow=name, role="<workflow>_job_<option>", option=option)
    return None


def possible_keys(names: Iterable[str], options: Iterable[str]) -> list[str]:
    """Return the keys that workflows could have, for a hint on a misspelt one."""
    suffixes = [*_SUFFIXES, *(_JOB_OPTION + option for option in options)]
    return [_REMOVE, *(name + suffix for name in names for suffix in suffixes)]


def merge_workflow_keys(layers: Iterable[Layer]) -> WorkflowKeys:
    """Lay the files upon each other, and take out what they want removed.

    In one file [WORKFLOWS] wins over [MODELS], its older name. A file's ``remove`` takes away what it and the
    files before it say of a workflow; ``*`` takes away all that the files before it say.
    """
    values: dict[str, Found] = {}
    removals: list[Found] = []
    warnings: list[Problem] = []
    for layer in layers:
        own = {
            entry.key: layer.found(entry)
            for section in (OLD_WORKFLOWS, WORKFLOWS)
            for entry in layer.ini.of(section).values()
        }
        removal = own.pop(_REMOVE, None)
        names = _removed_names(removal)
        if _ALL in names:
            values = {}
        values.update(own)
        known = _names(values)
        if removal is not None and names:
            removals.append(removal)
            warnings += [
                _nothing_to_remove(removal, name, known) for name in names if name not in {*known, _ALL}
            ]
        values = {key: found for key, found in values.items() if not _is_of(key, known, set(names))}
    return WorkflowKeys(
        values=values, names=tuple(_names(values)), removals=tuple(removals), warnings=tuple(warnings)
    )


def _removed_names(removal: Found | None) -> list[str]:
    text = removal.text if removal is not None else None
    return (text or "").lower().replace(",", " ").split()


def _names(values: Mapping[str, Found]) -> list[str]:
    """Return the workflows: each has a repository.

    ``x_repo`` may be the folder of a workflow ``x_repo``, whose repository is ``x_repo_repo``.
    """
    found = {
        key.removesuffix(REPO): value.text
        for key, value in values.items()
        if key.endswith(REPO) and value.text
    }
    return [
        name
        for name, text in found.items()
        if name and not (f"{name}{REPO}" in found and "/" not in (text or "") and "." not in (text or ""))
    ]


def _is_of(key: str, known: Iterable[str], removed: set[str]) -> bool:
    parts = take_apart(key, known)
    return parts is not None and parts.workflow in removed


def _nothing_to_remove(removal: Found, name: str, known: Iterable[str]) -> Problem:
    message = f"there is no workflow '{name}' to remove; there are: {', '.join(sorted(known)) or 'none'}"
    return Problem(message=message, origin=removal.origin, section=WORKFLOWS, key=_REMOVE)
