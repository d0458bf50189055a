"""Use case: say which workers live, and what the queue holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biomero.application.ports.run_queue import QueueState, QueueView, RunQueue, WorkerView

_CLUSTER = "cluster "
_FULL = "full "
LIMITS = "limits"
"""The topic of a worker's own limits; see `limits_to_text`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """How it stands.

    Parameters
    ----------
    counts
        Runs that have not ended, by cluster, state and step.
    oldest
        The run that has waited longest for a worker.
    """

    workers: Sequence[WorkerView]
    counts: Mapping[tuple[str, QueueState, str], int]
    oldest: QueueView | None

    @property
    def clusters(self) -> Mapping[str, str]:
        """What is wrong with clusters, by their names, as workers say."""
        return cluster_problems(self.workers)

    @property
    def is_stranded(self) -> bool:
        """Runs wait, and nobody lives that would drive them."""
        waits = {QueueState.READY, QueueState.WAITING, QueueState.CLAIMED}
        return any(state in waits for _, state, _ in self.counts) and not any(
            w.drives_all for w in self.workers
        )


def cluster_problems(workers: Sequence[WorkerView]) -> Mapping[str, str]:
    """Return what is wrong with clusters, by their names, as workers say."""
    return _told(_CLUSTER, workers)


def full_clusters(workers: Sequence[WorkerView]) -> Mapping[str, str]:
    """Return which clusters take no more jobs for now, by their names, in words, as workers say."""
    return _told(_FULL, workers)


def problem_notes(problems: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker notes so that others hear what is wrong with clusters."""
    return {f"{_CLUSTER}{name}": text for name, text in problems.items()}


def full_notes(full: Mapping[str, str]) -> dict[str, str]:
    """Return what a worker notes so that others hear which clusters are full."""
    return {f"{_FULL}{name}": text for name, text in full.items()}


def _told(topics: str, workers: Sequence[WorkerView]) -> Mapping[str, str]:
    return {
        topic.removeprefix(topics): text
        for view in workers
        for topic, text in view.notes.items()
        if topic.startswith(topics)
    }


def worker_status(queue: RunQueue) -> WorkerStatus:
    """Ask the queue; raises `RecordError` if the database does not do its part."""
    ready = queue.view(states=[QueueState.READY], limit=1000)
    return WorkerStatus(
        workers=queue.workers(),
        counts=queue.counts(),
        oldest=min(ready, key=lambda view: view.due, default=None),
    )
