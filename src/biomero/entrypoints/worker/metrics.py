"""What Prometheus reads of a worker: how the queue stands, and what this process did."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from biomero.application.notify import Outcome
from biomero.application.ports.run_queue import (
    Claim,
    End,
    GoOn,
    Move,
    Park,
    QueueState,
    RunQueue,
    TryAgain,
    WaitForJob,
)
from biomero.errors import BiomeroError

_LOG = logging.getLogger(__name__)
_FRESH_S = 5.0
"""Several who ask at once, or one who asks all the time, cost the database one question in so long."""


class QueueMetrics(Collector):
    """How the queue stands, asked for when somebody reads."""

    def __init__(self, queue: RunQueue, *, barred: Callable[[], Mapping[str, str]]) -> None:
        self._queue = queue
        self._barred = barred
        self._kept: list[Metric] = []
        self._kept_at = -_FRESH_S

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the library would ask the database while the worker starts."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return the numbers; where the database does not answer, only that."""
        if time.monotonic() - self._kept_at >= _FRESH_S:
            self._kept = self._ask()
            self._kept_at = time.monotonic()
        return self._kept

    def _ask(self) -> list[Metric]:
        is_up = GaugeMetricFamily("biomero_database_up", "Whether the database of runs answers.")
        barred = GaugeMetricFamily(
            "biomero_cluster_barred",
            "Clusters that nothing goes to, after refused logins.",
            labels=["cluster"],
        )
        for name in self._barred():
            barred.add_metric([name], 1)
        try:
            counts, workers = self._queue.counts(), self._queue.workers()
        except BiomeroError as exc:
            _LOG.debug("no numbers of the queue: %s", exc)
            is_up.add_metric([], 0)
            return [is_up, barred]
        is_up.add_metric([], 1)
        return [is_up, barred, *_runs(counts), _workers(len(workers))]


def _runs(counts: Mapping[tuple[str, QueueState, str], int]) -> list[Metric]:
    runs = GaugeMetricFamily(
        "biomero_runs", "Runs that have not ended, by where they stand.", labels=["cluster", "state", "step"]
    )
    open_runs: dict[str, int] = defaultdict(int)
    for (cluster, state, step), count in counts.items():
        runs.add_metric([cluster, state.value, step], count)
        open_runs[cluster] += count
    total = GaugeMetricFamily("biomero_open_runs", "Runs that have not ended.", labels=["cluster"])
    for cluster, count in open_runs.items():
        total.add_metric([cluster], count)
    return [runs, total]


def _workers(count: int) -> Metric:
    return GaugeMetricFamily("biomero_workers", "Workers that live, of this database.", value=count)


class WorkerMetrics:
    """What this process did; counted where it happens."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        Gauge("biomero_build_info", "Which BIOMERO this is.", ["version"], registry=registry).labels(
            version("biomero")
        ).set(1)
        self.steps = Counter(
            "biomero_steps", "Steps of runs that ended, by how.", ["step", "outcome"], registry=registry
        )
        self.step_seconds = Counter(
            "biomero_step_seconds", "Time that steps took, without waiting.", ["step"], registry=registry
        )
        self.notices = Counter(
            "biomero_notices", "Messages to people, by how they fared.", ["outcome"], registry=registry
        )
        for outcome in Outcome:  # so that the first one is seen as one more than none
            self.notices.labels(outcome.value)
        self.configuration_ok = Gauge(
            "biomero_configuration_ok", "Whether the files of settings can be used.", registry=registry
        )
        self.configuration_ok.set(1)
        self.tick_age = Gauge(
            "biomero_tick_age_seconds", "How long ago the engine last came round.", registry=registry
        )

    def note_step(self, claim: Claim, move: Move, seconds: float) -> None:
        """Count a step that ended, and tell the log, which is the story of the run."""
        outcome = _OUTCOMES[type(move)]
        self.steps.labels(claim.step, outcome).inc()
        self.step_seconds.labels(claim.step).inc(seconds)
        _LOG.info("%s: %s after %.1f s", claim.step, outcome, seconds)

    def note_notice(self, outcome: Outcome) -> None:
        """Count a message to somebody."""
        self.notices.labels(outcome.value).inc()


_OUTCOMES: Mapping[type, str] = {
    GoOn: "done",
    WaitForJob: "waits for its job",
    End: "the run has ended",
    Park: "needs a person",
    TryAgain: "is tried again",
}
