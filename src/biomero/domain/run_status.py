"""Where a run stands, and where each of its images does."""

from __future__ import annotations

import enum


class RunStatus(enum.Enum):
    """The statuses of a run, in the order in which a run that goes well has them."""

    SUBMITTED = "submitted"
    EXPORTING = "exporting"
    STAGING = "staging"
    CONVERTING = "converting"
    QUEUED = "queued"
    RUNNING = "running"
    FETCHING = "fetching"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    """Needs a person; goes on from where it stood."""

    @property
    def is_final(self) -> bool:
        """Nothing more will happen by itself or by a person."""
        return self in _FINAL

    @property
    def is_success(self) -> bool:
        """The run ended with its results."""
        return self is RunStatus.DONE


_FINAL = frozenset({RunStatus.DONE, RunStatus.FAILED, RunStatus.CANCELLED})


class ImageStage(enum.Enum):
    """What happens to an image, in this order."""

    EXPORTED = "exported"
    STAGED = "staged"
    CONVERTED = "converted"
    ANALYSED = "analysed"
    DELIVERED = "delivered"


class StageStatus(enum.Enum):
    """How far a stage of an image has come."""

    PENDING = "pending"
    DONE = "done"
    SKIPPED = "skipped"
    """Not needed, such as the conversion for a workflow that reads OME-Zarr."""
    FAILED = "failed"
