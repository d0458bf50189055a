"""BIOMERO: bioimage analysis workflows on Slurm clusters, for OMERO or for a folder of images.

Every documented name can be imported from here; each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from biomero import constants, database, eventsourcing, schema_parsers, slurm_client, views
    from biomero.database import EngineManager, retry_on_database_conflict
    from biomero.eventsourcing import NoOpWorkflowTracker, ResultDict, Task, WorkflowRun, WorkflowTracker
    from biomero.slurm_client import SlurmClient
    from biomero.views import (
        JobAccounting,
        JobProgress,
        JobProgressView,
        JobView,
        TaskExecution,
        WorkflowAnalytics,
        WorkflowProgress,
        WorkflowProgressView,
    )

__all__ = [
    "EngineManager",
    "JobAccounting",
    "JobProgress",
    "JobProgressView",
    "JobView",
    "NoOpWorkflowTracker",
    "ResultDict",
    "SlurmClient",
    "Task",
    "TaskExecution",
    "WorkflowAnalytics",
    "WorkflowProgress",
    "WorkflowProgressView",
    "WorkflowRun",
    "WorkflowTracker",
    "__version__",
    "constants",
    "database",
    "eventsourcing",
    "retry_on_database_conflict",
    "schema_parsers",
    "slurm_client",
    "views",
]

__version__ = version("biomero")

_NAMES = {
    "slurm_client": ("SlurmClient",),
    "eventsourcing": ("NoOpWorkflowTracker", "ResultDict", "Task", "WorkflowRun", "WorkflowTracker"),
    "database": ("EngineManager", "retry_on_database_conflict"),
    "views": (
        "JobAccounting",
        "JobProgress",
        "JobProgressView",
        "JobView",
        "TaskExecution",
        "WorkflowAnalytics",
        "WorkflowProgress",
        "WorkflowProgressView",
    ),
    "constants": (),
    "schema_parsers": (),
}
_MODULE_OF = MappingProxyType({name: module for module, names in _NAMES.items() for name in names})


def __getattr__(name: str) -> object:
    """Load a documented name; see PEP 562."""
    if name in _NAMES:
        return importlib.import_module(f"biomero.{name}")
    if name in _MODULE_OF:
        return getattr(importlib.import_module(f"biomero.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module 'biomero' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the documented names too."""
    return sorted({*globals(), *__all__})
