"""The auditor: did each accepted run come to exactly one end, with one job a key and each result once?

It compares what was asked for with the record's tables, Slurm's own books, the witness that the jobs left and
the folders. It imports nothing of BIOMERO.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from faults.audit_jobs import check_jobs
from faults.audit_record import check_end, check_queue, check_reasons, status_of
from faults.audit_results import check_remains, check_results, outputs_of
from faults.audit_sources import Books, Tables, witnessed
from faults.audit_terms import Accepted, Finding, belongs


@dataclass(slots=True, kw_only=True)
class Report:
    """What an audit found."""

    findings: list[Finding] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    jobs: int = 0
    results: int = 0

    @property
    def text(self) -> str:
        """The report, for people."""
        counts = {end: list(self.ends.values()).count(end) for end in sorted(set(self.ends.values()))}
        words = ", ".join(f"{count} {end}" for end, count in counts.items())
        head = f"audit: {len(self.ends)} runs ({words}), {self.jobs} jobs that worked, {self.results} results"
        said = [str(finding) for finding in self.findings] or ["nothing is wrong"]
        return "\n  ".join([head, *said])


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """Looks when all is over.

    Parameters
    ----------
    database
        The address of the record.
    witness
        The file in which the jobs said that they began to work.
    cluster_runs
        The folder of the runs' folders on the cluster.
    workspaces
        The folder of the runs' folders here.
    slurm
        What Slurm says; ``None`` where jobs ran without it.
    """

    database: str
    witness: Path
    cluster_runs: Path
    workspaces: Path
    slurm: Books | None = None

    def audit(self, accepted: Sequence[Accepted]) -> Report:
        """Check everything."""
        report = Report()
        tables = Tables(self.database)
        events, queue = tables.events(), tables.queue()
        work = witnessed(self.witness)
        for run_id in sorted(events.keys() - {run.run_id for run in accepted}):
            report.findings.append(Finding(run_id=run_id, code="unasked", text="nobody asked for this run"))
        for run in accepted:
            history = events.get(run.run_id, [])
            end = status_of(history)
            row = queue.get(run.run_id)
            on_cluster = [] if run.keeps_folder else [self.cluster_runs / run.run_id]
            report.findings += [
                *check_end(run, history, end),
                *check_queue(run, end, row),
                *check_reasons(run, history, end),
                *check_jobs(run, history, end, work=work, slurm=self.slurm),
                *check_results(run, history, end),
                *check_remains(run, end, [*on_cluster, self.workspaces / run.run_id]),
            ]
            report.ends[run.run_id] = end
            report.jobs += len({(w.key, w.job) for w in work if belongs(w.key, run)})
            report.results += len(outputs_of(history))
        return report
