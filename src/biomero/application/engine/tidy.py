"""Step: what is left to do when a run has ended: its folders, what it cost, its report."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from biomero.application.describe_run import describe_run
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.fetch import logs_of
from biomero.application.engine.settle import release_folder
from biomero.application.errand import Goal
from biomero.application.kept_logs import keep_logs
from biomero.application.ports.run_queue import End
from biomero.application.run_request import RunRequest, results_on_the_way
from biomero.application.services import Services
from biomero.application.settings import Settings
from biomero.application.write_report import WriteReport, deliver_logs
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.errors import BiomeroError, ClusterError

_LOG = logging.getLogger(__name__)


def tidy_up(context: StepContext) -> StepEnd:
    """Remove what a run that is done does not need any more, and write its report.

    The folder of any other run is evidence, and stays. None of this changes how the run ended: what goes
    wrong here is a warning.

    Raises
    ------
    ClusterError
        If another try may remove the folder; the report is there all the same.
    """
    try:
        clean_up(context)
    except ClusterError as exc:
        if context.attempt < context.patience.retries_after(exc):
            leave_report(context.services, context.run_id, logs_of(context))
            raise
        _LOG.warning("run %s: its folder stays on the cluster: %s", context.run_id, exc)
    context.count_session()
    leave_report(context.services, context.run_id, logs_of(context))
    is_gone_with_it = is_on_the_way(context.request, context.services.settings)
    # what an import has on its way is a copy, whatever became of it
    is_copy = context.errand is not None and context.errand.goal is Goal.IMPORT
    if context.run.status is RunStatus.DONE or is_copy:
        if is_gone_with_it:
            _keep_logs(context)
        shutil.rmtree(context.workspace, ignore_errors=True)
        if is_gone_with_it:
            shutil.rmtree(context.request.results, ignore_errors=True)
    return StepEnd(move=End())


def _keep_logs(context: StepContext) -> None:
    services = context.services
    try:
        keep_logs(logs_of(context), context.run_id, services.settings, now=services.clock.now())
    except OSError as exc:
        _LOG.warning("run %s: the ends of its logs could not be kept: %s", context.run_id, exc)


def is_on_the_way(request: RunRequest, settings: Settings) -> bool:
    """Say whether the results folder was only for what goes to OMERO: nobody named it."""
    return request.omero is not None and request.results.parent == results_on_the_way(settings)


def clean_up(context: StepContext) -> None:
    """Remove the run's folder on the cluster, if the run is done and the user does not want to keep it.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached; the folder stays then, and nothing is wrong but its space.
    """
    if context.run.status is not RunStatus.DONE:
        release_folder(context)
    elif not context.request.keep:
        context.cluster.shell.run(("rm", "-rf", "--", context.folder.root), timeout_s=600)


def leave_report(services: Services, run_id: RunId, logs: Path | None = None) -> None:
    """Write the report of a run as it stands, where that is possible."""
    try:
        write_report(services, run_id, logs)
    except (BiomeroError, OSError) as exc:
        _LOG.warning("run %s: its report could not be written: %s", run_id, exc)


def write_report(services: Services, run_id: RunId, logs: Path | None = None) -> None:
    """Write logs, ``run.json`` and ``report.html`` for a run as it stands.

    Parameters
    ----------
    logs
        A local folder with logs of the run's jobs, which are copied too.
    """
    results = RunRequest.from_json(services.record.get(run_id).request).results
    if logs is not None and logs.is_dir():
        deliver_logs(logs, run_id, results)
    WriteReport(report=services.report).write(describe_run(services.record, run_id), results)
