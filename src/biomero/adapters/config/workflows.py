"""Workflows: from what files say to what the application is told."""

from __future__ import annotations

from collections.abc import Collection

from biomero.adapters.config.flags import Option, resources_of
from biomero.adapters.config.keys import WORKFLOWS, setting
from biomero.adapters.config.layers import Found
from biomero.adapters.config.places import BASE_FILE, local_path
from biomero.adapters.config.problems import Problem
from biomero.adapters.config.sections import read
from biomero.adapters.config.workflow_keys import WorkflowKeys
from biomero.application.settings import WorkflowSettings

_SUFFIXES = (".json", ".yaml", ".yml")


def workflow_settings(
    keys: WorkflowKeys, *, clusters: Collection[str], problems: list[Problem], warnings: list[Problem]
) -> dict[str, WorkflowSettings]:
    """Return the workflows that are wanted, by name.

    Parameters
    ----------
    clusters
        The names of clusters that a workflow may name.
    """
    found: dict[str, WorkflowSettings] = {}
    for name in keys.names:
        own = _Own(keys, name)
        settings = own.settings(clusters, problems, warnings)
        if own.value("_enabled") is not False:
            found[name] = settings
    return found


class _Own:
    """What is said of one workflow."""

    def __init__(self, keys: WorkflowKeys, name: str) -> None:
        self._name = name
        self._values: dict[str, Found] = {}
        self._options: dict[str, Option] = {}
        for key, found in keys.values.items():
            parts = keys.take_apart(key)
            if parts is None or parts.workflow != name:
                continue
            if parts.option:
                option = Option(section=WORKFLOWS, key=key, found=found)
                self._options[parts.option.replace("_", "-")] = option
            else:
                self._values[parts.role.removeprefix("<workflow>")] = found

    def value(self, suffix: str) -> object:
        """Return a value, or its default."""
        return read(setting(WORKFLOWS, f"<workflow>{suffix}"), self._values.get(suffix))

    def settings(
        self, clusters: Collection[str], problems: list[Problem], warnings: list[Problem]
    ) -> WorkflowSettings:
        """Return all of it."""
        cluster = self.value("_cluster")
        if isinstance(cluster, str) and cluster not in clusters:
            message = f"there is no cluster '{cluster}'; there are: {', '.join(clusters)}"
            origin = self._values["_cluster"].origin
            problems.append(
                Problem(message=message, origin=origin, section=WORKFLOWS, key=f"{self._name}_cluster")
            )
        everything = [*self._values.values(), *(option.found for option in self._options.values())]
        return WorkflowSettings(
            reference=self._reference(),
            resources=resources_of(self._options, problems=problems, warnings=warnings),
            image_folder=self._text("") or "",
            job_script=self._text("_job"),
            job_flags={name: option.found.text or "" for name, option in self._options.items()},
            uses_gpu=self.value("_use_gpu") is True,
            cluster=cluster if isinstance(cluster, str) else None,
            retry_memory_factor=self._decimal("_retry_memory_factor"),
            retry_time_factor=self._decimal("_retry_time_factor"),
            is_brought_along=all(found.origin.file == BASE_FILE for found in everything),
        )

    def _text(self, suffix: str) -> str | None:
        value = self.value(suffix)
        return value if isinstance(value, str) else None

    def _decimal(self, suffix: str) -> float | None:
        value = self.value(suffix)
        return value if isinstance(value, float) else None

    def _reference(self) -> str:
        """Return the place of the descriptor; a path counts from the folder of the file that names it."""
        found = self._values["_repo"]
        text = self._text("_repo") or ""
        is_path = "://" not in text and (
            "/" in text or text.startswith((".", "~")) or text.endswith(_SUFFIXES)
        )
        if not is_path or found.origin.file is None:
            return text
        return str((found.origin.file.absolute().parent / local_path(text)).absolute())
