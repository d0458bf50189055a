"""Why something failed, in classes that tell people who has to act."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class FailureClass(enum.Enum):
    """Who has to act when something failed."""

    DATA = "data"
    """An image: damaged, unreadable, or not what the workflow needs."""
    PARAMETER = "parameter"
    """A value that the workflow was given."""
    CONTAINER = "container"
    """The workflow's own program ended with an error."""
    SCHEDULER = "scheduler"
    """Slurm ended the job: time, memory, preemption, cancellation from outside."""
    NODE = "node"
    """A compute node failed."""
    TRANSFER = "transfer"
    """Bytes could not be moved: no connection, no space, no permission."""
    OMERO = "omero"
    """OMERO refused or could not be reached."""
    CONFIGURATION = "configuration"
    """A setting is wrong."""
    BUG = "bug"
    """BIOMERO itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure with its evidence.

    Parameters
    ----------
    message
        One sentence: what was tried, on what, and what went wrong.
    advice
        One sentence: what to do next.
    slurm_state, slurm_reason, exit_code
        What Slurm said, where a job failed.
    log_tail
        The last lines of the log that tells most, untouched.
    """

    failure_class: FailureClass
    message: str
    advice: str
    slurm_state: str | None = None
    slurm_reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    log_tail: tuple[str, ...] = ()
