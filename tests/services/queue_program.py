"""A small engine of three steps and a job, to be killed and frozen: ``python -m services.queue_program``.

It reads a database's address, the length of leases and the name of its machine (``-`` for the real one), a
line each. Then ``drive`` forks a process that drives all runs, and tells its id and when it is gone; ``hold``
claims a run, tells so, and with the next line tries to go on with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from biomero.adapters.system import this_worker
from biomero.application.ports.run_queue import (
    Claim,
    End,
    GoOn,
    JobNews,
    Limits,
    Move,
    Pool,
    RunQueue,
    WaitForJob,
    WorkerId,
)
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import LeaseLostError
from services.queues import job_of, open_queue

STEPS = ("prepare", "judge", "finish")
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Die with whoever started this process, also while stopped."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def move_of(claim: Claim) -> Move:
    """Return where a run goes after a step."""
    match claim.step:
        case "prepare":
            return WaitForJob(job=job_of(claim.run_id), step="judge", pool=Pool.FETCH)
        case "judge":
            return GoOn(step="finish", pool=Pool.DELIVER)
        case _:
            return End()


def do_step(queue: RunQueue, claim: Claim) -> None:
    """Do a step, which records itself on its way and at its end."""

    def start(run: WorkflowRun) -> None:
        run.count_session({"token": claim.token, "started": claim.step})

    def finish(run: WorkflowRun) -> None:
        run.count_session({"token": claim.token, "done": claim.step})
        if claim.step == STEPS[-1]:
            run.complete()

    try:
        queue.change(claim, start)
        queue.move(claim, move_of(claim), finish)
    except LeaseLostError:
        return


def report_jobs(queue: RunQueue, worker: WorkerId) -> None:
    """Say of all jobs that they are over."""
    if queue.lead("watch lisa", worker):
        queue.tell(
            [JobNews(run_id=w.run_id, job=w.job, seen="over", is_over=True) for w in queue.waiting("lisa")]
        )


def drive(queue: RunQueue, worker: WorkerId) -> None:
    """Drive all runs for ever."""
    queue.enter(worker, version="toy", drives_all=True)
    while True:
        queue.pulse(worker)
        report_jobs(queue, worker)
        claims = queue.claim(worker, Limits(), most=10)
        for claim in claims:
            do_step(queue, claim)
        if not claims:
            time.sleep(0.02)


def hold(queue: RunQueue, worker: WorkerId) -> None:
    """Claim a run and go on with it when told to."""
    claims: Sequence[Claim] = ()
    while not claims:
        claims = queue.claim(worker, Limits(), most=1)
        time.sleep(0.02)
    print(claims[0].token, flush=True)  # noqa: T201 - how it speaks to the test
    for line in sys.stdin:
        try:
            if line.strip() == "change":
                queue.change(claims[0], lambda run: run.count_session({"late": 1}))
            else:
                queue.move(claims[0], End(), lambda run: run.complete())
            print("stored", flush=True)  # noqa: T201 - likewise
        except LeaseLostError:
            print("lost", flush=True)  # noqa: T201 - likewise


def main() -> None:
    """Do what the lines say."""
    end_with_parent()
    address, lease, machine = (sys.stdin.readline().strip() for _ in range(3))

    def opened() -> tuple[RunQueue, WorkerId]:
        me = this_worker()
        worker = me if machine == "-" else replace(me, host=f"{machine}/boot")
        return open_queue(address, Path(tempfile.gettempdir()), lease_s=float(lease)).queue, worker

    if sys.stdin.readline().strip() == "hold":
        hold(*opened())
        return
    while True:
        child = os.fork()
        if child == 0:
            end_with_parent()
            drive(*opened())
        print(child, flush=True)  # noqa: T201 - likewise
        os.waitpid(child, 0)
        print("gone", flush=True)  # noqa: T201 - likewise
        if not sys.stdin.readline():
            return


if __name__ == "__main__":
    main()
