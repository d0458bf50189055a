"""Whether each key had exactly one job that did its work, and whether nothing still runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from faults.audit_sources import Books, Event, Work, processes_of
from faults.audit_terms import Accepted, Finding, belongs, finding

_OVER = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}


def check_jobs(
    run: Accepted, history: Sequence[Event], end: str, *, work: Sequence[Work], slurm: Books | None
) -> Iterator[Finding]:
    """Compare what was wanted, what was submitted, what worked, and what Slurm says."""
    requested = {e.state["key"] for e in history if e.name == "JobRequested"}
    submitted = [e.state for e in history if e.name == "JobSubmitted"]
    keys = sorted(requested | {w.key for w in work if belongs(w.key, run)})
    for key in keys:
        mine = [w for w in work if w.key == key]
        if key not in requested:
            yield finding(run, "unknown-job", f"{key} worked, but nobody recorded that it was wanted")
        yield from _check_doubles(run, key, mine)
        recorded = {str(s["job"]["job_id"]) for s in submitted if s["key"] == key}
        jobs = {w.job for w in mine}
        if len(recorded) > 1:
            yield finding(run, "doubled-record", f"{key}: submitted as {', '.join(sorted(recorded))}")
        if jobs and recorded and jobs != recorded:
            yield finding(run, "other-job", f"{key}: {jobs} worked, {recorded} is on record")
        if end == "done" and recorded and not jobs and not _failed(key, history):
            yield finding(run, "idle-job", f"{key}: job {recorded} did nothing, and yet the run is done")
        if slurm is not None:
            yield from _check_slurm(run, key, jobs, slurm)
    for pid, key in processes_of(keys).items():
        yield finding(run, "still-running", f"process {pid} of {key} is still there")


def _failed(key: str, history: Sequence[Event]) -> bool:
    """Say whether a job is known to have failed, as one does whose node is unfit before it begins."""
    reports = [e.state["tasks"] for e in history if e.name == "JobReported" and e.state["key"] == key]
    return bool(reports) and all(task["state"] in _OVER - {"COMPLETED"} for task in reports[-1])


def _check_doubles(run: Accepted, key: str, work: Sequence[Work]) -> Iterator[Finding]:
    jobs = {w.job for w in work}
    if len(jobs) > 1:
        yield finding(run, "doubled-job", f"{key}: jobs {', '.join(sorted(jobs))} all did the work")
    starts = [(w.job, w.task, w.restart) for w in work]
    for job, task, restart in sorted({s for s in starts if starts.count(s) > 1}):
        text = f"{key}: job {job} task {task or '-'} began twice (restart {restart})"
        yield finding(run, "doubled-job", text)


def _check_slurm(run: Accepted, key: str, jobs: set[str], slurm: Books) -> Iterator[Finding]:
    state = slurm.alive().get(key)
    if state is not None and state not in _OVER:
        yield finding(run, "still-running", f"{key} is {state} in Slurm's queue")
    known = slurm.jobs(key)
    if len(known) > 1:
        # also where one of them was cancelled or ended at once
        told = ", ".join(f"{job} ({state})" for job, state in sorted(known.items()))
        yield finding(run, "doubled-submission", f"{key}: accounting has {told}")
    if jobs and known and not jobs <= known.keys():
        yield finding(run, "unaccounted-job", f"{key}: {jobs} worked, accounting has {known}")
