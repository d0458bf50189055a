"""Use case: drive a run from this process, while somebody sits and waits for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from biomero.application.engine.door import OpenDoor
from biomero.application.engine.engine import Engine, EngineSettings
from biomero.application.engine.patience import ATTENDED, Patience
from biomero.application.engine.place import POOLS, place_of, step_of
from biomero.application.engine.prepare import workspace_of
from biomero.application.engine.tidy import leave_report
from biomero.application.errand_runs import refuse_beside_others
from biomero.application.follow_run import follow_run, living_driver
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import ProgressListener
from biomero.application.ports.run_queue import QueueState, Wish
from biomero.application.record_json import failure_from_json
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ConnectionFailedError, RunPausedError

_PULSE_S = 2.0
_LEAVE_WITHIN_S = 5.0


def drive_here(
    run_id: RunId,
    services: Services,
    cluster: Cluster,
    listener: ProgressListener,
    *,
    requested_by: str = "",
    patience: Patience = ATTENDED,
) -> WorkflowRun:
    """Drive a run to its end, or until it needs a person.

    Whatever happens, the run's record tells it. A run that is paused goes on. Where a worker of this machine
    lives that drives everybody's runs, the run is left to it and only followed.

    Raises
    ------
    RunPausedError
        If a person has to put something right first: the cluster cannot be reached, or there is no space.
    ConnectionFailedError
        If the run is to be cancelled and its cluster cannot be reached; the wish stands.
    UsageError
        If the run is paused, and another one puts its results into OMERO.
    """
    run, place = services.record.get(run_id), services.queue.find(run_id)
    if run.status is RunStatus.PAUSED:
        refuse_beside_others(run, services.record)
    if place is None and not run.status.is_final:
        # it was accepted by a release that had no queue
        queued = place_of(run, host=services.home)
        step = step_of(run)
        services.queue.restart(
            run_id, step, POOLS[step], lambda run: run.resume(requested_by), otherwise=queued
        )
    elif place is None or place.state is QueueState.ENDED:
        return _finished(services, run)
    else:
        services.queue.request(run_id, Wish.RESUME, lambda run: run.resume(requested_by))
    return told(drive_until(run_id, services, cluster, listener, patience=patience))


def drive_until(
    run_id: RunId,
    services: Services,
    cluster: Cluster,
    listener: ProgressListener,
    *,
    patience: Patience = ATTENDED,
    is_enough: Callable[[], bool] = lambda: False,
) -> WorkflowRun:
    """Drive or follow a run until it has ended or is paused, and return it.

    Parameters
    ----------
    is_enough
        Asked while somebody else is at the run; says when to wait no longer.
    """
    if living_driver(services) is not None and follow_run(
        run_id, services, listener, is_enough=lambda: is_enough() or living_driver(services) is None
    ):
        return services.record.get(run_id)
    session = _Session(cluster=cluster)
    engine = Engine(
        services.queue,
        services.record,
        OpenDoor(services=services, cluster=cluster),
        services.worker,
        services.clock,
        settings=EngineSettings(patience=patience, pulse_s=_PULSE_S, stop_within_s=_LEAVE_WITHIN_S),
        only=[run_id],
        listener=listener,
        session=session,
        is_enough=is_enough,
    )
    session.looks = lambda: engine.watching.looks
    try:
        engine.run()
    finally:
        _leave(services, run_id, session)
    return services.record.get(run_id)


@dataclass(slots=True, kw_only=True)
class _Session:
    """Counts what this process costs the cluster."""

    cluster: Cluster
    looks: Callable[[], int] = lambda: 0
    _told: tuple[int, int, int] = field(default=(0, 0, 0))

    def __call__(self) -> Json | None:
        counts = self.cluster.shell.counts
        now = (counts.logins, counts.commands, self.looks())
        new = [a - b for a, b in zip(now, self._told, strict=True)]
        self._told = now
        names = ("ssh_logins", "remote_commands", "status_polls")
        return dict(zip(names, new, strict=True)) if any(new) else None


def _leave(services: Services, run_id: RunId, session: _Session) -> None:
    """Count what was used and write the report of a run that is left as it is."""
    run = services.record.get(run_id)
    if run.status.is_final or run.status is RunStatus.PAUSED:
        return
    counts = session()
    if counts is not None:
        services.record.change(run_id, lambda run: run.count_session(counts))
    logs = workspace_of(services, run_id) / "logs"
    leave_report(services, run_id, logs)


def _finished(services: Services, run: WorkflowRun) -> WorkflowRun:
    """Write the report of a run that had ended, if it has gone."""
    if RunRequest.from_json(run.request).results.is_dir():
        leave_report(services, run.run_id)
    return run


def told(run: WorkflowRun) -> WorkflowRun:
    """Return a run that has ended; say why any other has not."""
    if run.status is RunStatus.PAUSED and run.failure is not None:
        failure = failure_from_json(run.failure)
        raise RunPausedError(f"{failure.message} {failure.advice}")
    if run.status is RunStatus.PAUSED:
        raise RunPausedError("somebody wanted the run to stop for a while.")
    if not run.status.is_final and run.cancel_requested_by is not None:
        why = "" if run.trouble is None else f": {run.trouble['message']}"
        raise ConnectionFailedError(
            f"run {run.run_id} could not be cancelled yet{why}; the wish is recorded, and takes effect when "
            "the run is resumed or cancelled again, or by a worker"
        )
    return run
