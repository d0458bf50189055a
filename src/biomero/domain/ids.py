"""Ids that cannot pass for each other."""

from __future__ import annotations

from typing import NewType

RunId = NewType("RunId", str)
"""A workflow run: a lower-case UUID, also the name of its folder on the cluster."""

SlurmJobId = NewType("SlurmJobId", int)
"""A Slurm job; for a job array, the id of the whole array. Given out again by some controllers."""

JobKey = NewType("JobKey", str)
"""Our own identity of a job, also its name in Slurm: letters, digits, ``-``, ``_`` and ``.`` only."""
