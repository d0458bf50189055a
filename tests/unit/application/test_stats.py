"""Sums that a hand can compute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from biomero.application.ports.accounting import JobFacts, RunFacts
from biomero.application.stats import Grouping, measure_usage

JANUARY = datetime.fromisoformat("2026-01-31T23:59")
FEBRUARY = datetime.fromisoformat("2026-02-01")


def run(
    number: int, status: str, took_s: float | None, *, month: datetime = JANUARY, why: str | None = None
) -> RunFacts:
    return RunFacts(
        run_id=UUID(int=number),
        workflow="w",
        user="ada",
        group=None,
        status=status,
        failure_class=why,
        requested_at=month,
        ended_at=None if took_s is None else month + timedelta(seconds=took_s),
    )


def job(number: int, waited_s: float | None) -> JobFacts:
    return JobFacts(
        run_id=UUID(int=number),
        partition=None,
        wall_s=None,
        cpu_s=None,
        max_memory_mb=None,
        cpus=None,
        memory_mb=None,
        gpus=None,
        energy_j=None,
        waited_s=waited_s,
    )


class Facts:
    """See `AccountingQuestions`."""

    def runs(self, since: datetime | None) -> Sequence[RunFacts]:  # noqa: ARG002 - the port's
        return [
            run(1, "done", 100),
            run(2, "failed", 20, why="node"),
            run(3, "failed", 60, why="data"),
            run(4, "cancelled", 20),
            run(5, "running", None),
            run(6, "done", 7, month=FEBRUARY),
        ]

    def jobs(self, since: datetime | None) -> Sequence[JobFacts]:  # noqa: ARG002 - the port's
        return [job(1, 10), job(1, 20), job(2, 0), job(5, None), job(6, 1)]


def test_durations_rates_and_waits_are_those_of_a_hand() -> None:
    january, february = measure_usage(Facts(), by=Grouping.MONTH).groups
    assert (january.group, february.group) == ("2026-01", "2026-02")
    assert (january.runs, january.ended, january.done, january.failed, january.cancelled) == (5, 4, 1, 2, 1)
    assert january.average_run_s == (100 + 20 + 60 + 20) / 4
    assert january.failure_rate == 2 / 4
    assert (january.rate_of("node"), january.rate_of("data"), january.rate_of("bug")) == (0.25, 0.25, 0)
    assert january.average_queue_s == (10 + 20 + 0) / 3
    assert (february.average_run_s, february.failure_rate, february.average_queue_s) == (7, 0, 1)
    row = january.columns()
    assert (row["failed_node"], row["failure_rate_node"], row["failure_rate_omero"]) == (1, 0.25, 0)
