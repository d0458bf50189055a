"""What a check finds: how bad it is, where, and what to do."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.Enum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    SKIPPED = "skipped"


class Place(enum.Enum):
    """Where a check looks, on the way from here to the job."""

    MACHINE = "this machine"
    OMERO = "omero"
    SSH = "ssh"
    LOGIN_NODE = "login node"
    SLURM = "slurm"
    COMPUTE_NODE = "compute node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a check.

    Parameters
    ----------
    code
        What was found, by a name that stays; the same for good and bad results of one question.
    subject
        What was looked at: a host, a folder, a partition, a workflow.
    remedy
        What to do; empty where all is well.
    place, cluster
        Where; the examination fills them in.
    """

    code: str
    level: Level
    subject: str
    message: str
    remedy: str = ""
    place: Place = Place.MACHINE
    cluster: str = ""
