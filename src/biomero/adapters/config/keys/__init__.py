"""The table of keys: everything that ``slurm-config.ini`` can say.

Loading, checks, hints on misspelt keys, the reference page and the sample file are all made from it.
"""

from __future__ import annotations

from biomero.adapters.config.keys.jobs import JOBS
from biomero.adapters.config.keys.limits import LIMITS
from biomero.adapters.config.keys.notify import NOTIFY
from biomero.adapters.config.keys.omero import OMERO
from biomero.adapters.config.keys.programs import PROGRAMS
from biomero.adapters.config.keys.record import RECORD
from biomero.adapters.config.keys.setting import CLUSTER, OLD_WORKFLOWS, WORKFLOWS, Setting
from biomero.adapters.config.keys.worker import WORKER
from biomero.adapters.config.keys.workflows import WORKFLOW_KEYS

__all__ = [
    "CLUSTER",
    "DEFAULT_HOST",
    "OLD_WORKFLOWS",
    "SECTIONS",
    "SETTINGS",
    "WORKFLOWS",
    "Setting",
    "setting",
    "setting_of",
]

DEFAULT_HOST = "slurm"

SETTINGS = (*JOBS, *PROGRAMS, *LIMITS, *RECORD, *WORKER, *NOTIFY, *OMERO, *WORKFLOW_KEYS)

SECTIONS = tuple(dict.fromkeys([s.section for s in SETTINGS if s.section != CLUSTER]))
"""Names of sections, without those of further clusters."""


def setting_of(section: str, key: str) -> Setting | None:
    """Return what a key of a section means, by name before pattern; not for keys of single workflows."""
    found = [s for s in SETTINGS if s.matches_section(section) and s.matches(key)]
    return min(found, key=lambda s: s.is_pattern, default=None)


def setting(section: str, key: str) -> Setting:
    """Return an entry of the table, which must exist."""
    return next(s for s in SETTINGS if (s.section, s.key) == (section, key))
