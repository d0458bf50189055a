"""Drives a run to its end, from wherever it stands."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from biomero.application.check_cluster import prepare_root
from biomero.application.engine.analyse import analyse_images, prepare_program
from biomero.application.engine.context import CancelledByUser, RunContext, StepFailedError
from biomero.application.engine.convert import convert_images, prepare_converter
from biomero.application.engine.fetch import fetch_logs, fetch_results, logs_of
from biomero.application.engine.finish import clean_up, deliver_and_judge, forget_workspace, write_report
from biomero.application.engine.jobs import record_report
from biomero.application.engine.stage import stage_images
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import ProgressListener, RunUpdate
from biomero.application.record_json import failure_to_json, job_from_json
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.classify_failure import failure_of
from biomero.domain.failure import Failure
from biomero.domain.ids import JobKey, RunId, SlurmJobId
from biomero.domain.job import JobRef
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import Json, WorkflowRun
from biomero.errors import (
    BiomeroError,
    ClusterError,
    RemotePermissionError,
    RunPausedError,
    SubmissionRejectedError,
    UsageError,
)

_T = TypeVar("_T")
_LOG = logging.getLogger(__name__)

_RETRIES = 5
_FIRST_PAUSE_S = 2.0
_LAST_LOOKS = 20
_LAST_PAUSE_S = 1.0

_PREPARE_RUN = (
    'umask 077; cd -- "$1" && shift && mkdir -p tmp/zarr tmp/reports in out gt attached logs && '
    'for batch; do mkdir -p "in/$batch" "out/$batch" || exit; done'
)


def drive_run(run_id: RunId, services: Services, cluster: Cluster, listener: ProgressListener) -> WorkflowRun:
    """Drive a run to its end, or until it needs a person.

    Whatever happens, the run's record tells it. The caller holds the run's lock.

    Raises
    ------
    RunPausedError
        If a person has to put something right first: the cluster cannot be reached, or there is no space.
    """
    run = services.record.change(run_id, lambda run: run.resume())
    if run.status.is_final:
        return _finished(services, run_id, cluster, listener)
    context: RunContext | None = None
    try:
        context = open_run(run_id, services, cluster, listener)
        _go_through(context)
    except CancelledByUser:
        _cancel(services, run_id, context)
    except StepFailedError as exc:
        _fail(services, run_id, context, exc.failure)
    except Exception as exc:
        if not isinstance(exc, BiomeroError | OSError):
            _LOG.exception("run %s met a bug", run_id)
        failure = failure_of(exc)
        if _may_be_put_right(exc, services.record.get(run_id)):
            services.record.change(run_id, lambda run: run.pause(failure_to_json(failure)))
            raise RunPausedError(f"{failure.message} {failure.advice}") from exc
        _fail(services, run_id, context, failure)
    finally:
        _leave(services, run_id, cluster, context)
    return services.record.get(run_id)


def _may_be_put_right(error: Exception, run: WorkflowRun) -> bool:
    """Say whether a person can put it right, so that nothing of what was computed is lost.

    Before there is a job, only what passes by itself is worth waiting for: the run can be asked for again.
    """
    if isinstance(error, SubmissionRejectedError):
        return False
    if isinstance(error, ClusterError) and error.transient:
        return True
    if run.step in {RunStatus.FETCHING, RunStatus.IMPORTING}:
        return isinstance(error, BiomeroError | OSError)
    return bool(run.jobs) and isinstance(error, ClusterError | UsageError)


def _finished(services: Services, run_id: RunId, cluster: Cluster, listener: ProgressListener) -> WorkflowRun:
    """Do what a process that died after the run's end has left undone: tidying up, and the report."""
    request = RunRequest.from_json(services.record.get(run_id).request)
    if _workspace(services, run_id).exists():
        _leave(services, run_id, cluster, open_run(run_id, services, cluster, listener))
    elif request.results.is_dir():
        write_report(services, run_id)
    return services.record.get(run_id)


def _workspace(services: Services, run_id: RunId) -> Path:
    return services.settings.state_folder / "runs" / run_id


def open_run(run_id: RunId, services: Services, cluster: Cluster, listener: ProgressListener) -> RunContext:
    """Find everything that driving a run needs, cluster included."""
    request = RunRequest.from_json(services.record.get(run_id).request)
    root = _patiently(lambda: prepare_root(cluster)[0], services, listener, RunStatus.SUBMITTED)
    found = services.workflows.find(os.fspath(request.workflow_file))
    context = RunContext(
        run_id=run_id,
        request=request,
        workflow=dataclasses.replace(
            found,
            reference=request.workflow,
            version=request.workflow_version,
            is_pinned=request.workflow_is_pinned,
        ),
        cluster=cluster,
        services=services,
        listener=listener,
        workspace=_workspace(services, run_id),
        root=root,
    )
    context.workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    return context


_STEPS: Mapping[RunStatus, int] = {
    RunStatus.SUBMITTED: 0,
    RunStatus.EXPORTING: 0,
    RunStatus.STAGING: 0,
    RunStatus.CONVERTING: 1,
    RunStatus.QUEUED: 2,
    RunStatus.RUNNING: 2,
    RunStatus.FETCHING: 3,
    RunStatus.IMPORTING: 3,
}
"""At which step a run goes on. A step that is done already does nothing when it is done again; results are
fetched again, as nobody knows what became of those on their way."""


def _go_through(context: RunContext) -> None:
    steps = (_stage, convert_images, analyse_images, fetch_results, deliver_and_judge)
    for step in steps[_STEPS.get(context.run.step, 0) :]:
        if step is not deliver_and_judge and step is not fetch_results:
            context.check_cancelled()
            if _is_lost(context):
                continue
        _patiently(_of(step, context), context.services, context.listener, context.run.step)


def _of(step: Callable[[RunContext], None], context: RunContext) -> Callable[[], None]:
    return lambda: step(context)


def _is_lost(context: RunContext) -> bool:
    """Nothing is left to be analysed, or the user wants to stop at the first failure."""
    run = context.run
    return not run.good_images or (context.request.on_error == "stop" and bool(run.image_failures))


def _stage(context: RunContext) -> None:
    context.go_to(RunStatus.EXPORTING, "preparing the run's folder")
    made = context.cluster.shell.run(("mkdir", "-p", "-m", "0700", "--", context.folder.root))
    if made.ok:
        batches = (str(i) for i in range(len(context.batches)) if len(context.batches) > 1)
        made = context.cluster.shell.run(("sh", "-c", _PREPARE_RUN, "sh", context.folder.root, *batches))
    if not made.ok:
        raise RemotePermissionError(f"{context.folder.root} cannot be made: {made.stderr.strip()}")
    context.go_to(RunStatus.EXPORTING, "preparing the workflow's program")
    prepare_program(context)
    if not context.takes_zarr:
        prepare_converter(context)
    stage_images(context)


def _patiently(
    act: Callable[[], _T], services: Services, listener: ProgressListener, status: RunStatus
) -> _T:
    """Do something, again and again with growing pauses, while what goes wrong may pass."""
    pause = _FIRST_PAUSE_S
    for _ in range(_RETRIES):
        try:
            return act()
        except BiomeroError as exc:
            if not exc.transient:
                raise
            listener.show(RunUpdate(status=status, message=f"{exc}; trying again in {pause:.0f} s"))
        services.clock.sleep(pause)
        pause *= 2
    return act()


def _cancel(services: Services, run_id: RunId, context: RunContext | None) -> None:
    """End the run's jobs, also one of which nobody heard whether it was submitted, and then the run."""
    if context is not None and context.run.jobs:
        keys = {JobKey(key): job["job"] for key, job in context.run.jobs.items()}
        refs = [
            JobRef(key=key, job_id=SlurmJobId(0), folder=context.folder.root)
            if job is None
            else job_from_json(job)
            for key, job in keys.items()
        ]
        cancel = context.cluster.scheduler.cancel
        _patiently(lambda: cancel(refs), services, context.listener, context.run.step)
        try:
            _await_end(context, [ref for ref in refs if ref.job_id])
            fetch_logs(context)
        except ClusterError as exc:  # the jobs are cancelled; how they ended and their logs are a bonus
            _LOG.warning("run %s: the end of its jobs was not seen: %s", run_id, exc)
    services.record.change(run_id, lambda run: run.cancel())


def _await_end(context: RunContext, jobs: list[JobRef]) -> None:
    """Look until the jobs have ended, or until it is time to go."""
    for _ in range(_LAST_LOOKS):
        reports = context.cluster.scheduler.report(jobs) if jobs else {}
        context.polls += bool(jobs)
        for job in jobs:
            if job.job_id in reports:
                record_report(context, job.key, reports[job.job_id])
        jobs = [job for job in jobs if job.job_id in reports and not reports[job.job_id].is_final]
        if not jobs:
            return
        context.services.clock.sleep(_LAST_PAUSE_S)


def _fail(services: Services, run_id: RunId, context: RunContext | None, failure: Failure) -> None:
    """Record a failure, with as much evidence around it as can still be had."""
    try:
        if context is not None and context.run.jobs:
            fetch_logs(context)
    except ClusterError as exc:
        _LOG.warning("run %s: no logs of its jobs: %s", run_id, exc)
    services.record.change(run_id, lambda run: run.fail(failure_to_json(failure)))


def _leave(services: Services, run_id: RunId, cluster: Cluster, context: RunContext | None) -> None:
    """Tidy up, count what was used, and write the report of the run as it stands now.

    None of this changes how the run ended; what goes wrong here is a warning.
    """
    try:
        if context is not None:
            clean_up(context)
    except ClusterError as exc:
        _LOG.warning("run %s: its folder stays on the cluster: %s", run_id, exc)
    counts = cluster.shell.counts
    session: Json = {
        "ssh_logins": counts.logins,
        "remote_commands": counts.commands,
        "status_polls": 0 if context is None else context.polls,
    }
    services.record.change(run_id, lambda run: run.count_session(session))
    try:
        write_report(services, run_id, None if context is None else logs_of(context))
        if context is not None:
            forget_workspace(context)
    except (BiomeroError, OSError) as exc:
        _LOG.warning("run %s: its report could not be written: %s", run_id, exc)
