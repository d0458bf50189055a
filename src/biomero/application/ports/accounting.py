"""Questions about what runs and jobs cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run counts for; moments are in UTC and without a zone.

    Parameters
    ----------
    user
        Who asked: the name of an account, or ``OMERO user`` with an id.
    group
        The id of the group in OMERO; ``None`` for runs that have none.
    """

    run_id: UUID
    workflow: str
    user: str
    group: int | None
    status: str
    failure_class: str | None
    requested_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What a job, or an array task, counts for; ``None`` where nobody said.

    Parameters
    ----------
    partition, cpus, memory_mb, gpus
        What it was given, where accounting says; else what was asked for.
    waited_s
        By the cluster's clock, where accounting says; else from its submission until it was seen running.
    """

    run_id: UUID
    partition: str | None
    wall_s: float | None
    cpu_s: float | None
    max_memory_mb: float | None
    cpus: int | None
    memory_mb: float | None
    gpus: int | None
    energy_j: float | None
    waited_s: float | None


class AccountingQuestions(Protocol):
    """What can be asked; every call raises `RecordError` if the database does not do its part."""

    def runs(self, since: datetime | None) -> Sequence[RunFacts]:
        """Return the runs that were asked for since a moment, oldest first; all of them if not given."""
        ...

    def jobs(self, since: datetime | None) -> Sequence[JobFacts]:
        """Return the jobs of those runs that were submitted."""
        ...
