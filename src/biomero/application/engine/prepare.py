"""Step: the run's folder, and the programs that its jobs will start."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

from biomero.application.engine import names
from biomero.application.engine.analyse import prepare_program
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.convert import prepare_converter
from biomero.application.engine.find_results import find_results
from biomero.application.engine.place import on_to
from biomero.application.engine.send_file import send_file
from biomero.application.engine.settle import claim_folder
from biomero.application.errand import Goal
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import ProgressListener, SilentListener
from biomero.application.ports.run_queue import Decide
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RemotePermissionError

_PREPARE_RUN = (
    'umask 077; mkdir -p -- "$1" "$2" && cd -- "$1" && mkdir -p attached logs && cd -- "$2" && shift 2 && '
    "mkdir -p tmp/zarr tmp/reports in out gt && "
    'for batch; do mkdir -p "in/$batch" "out/$batch" || exit; done'
)


def open_run(
    run_id: RunId,
    services: Services,
    cluster: Cluster,
    *,
    find_root: Callable[[], str],
    store: Callable[[Decide], WorkflowRun],
    listener: ProgressListener | None = None,
) -> StepContext:
    """Find everything that the steps of a run need, from its record."""
    request = RunRequest.from_json(services.record.get(run_id).request)
    found = services.workflows.find(os.fspath(request.workflow_file))
    context = StepContext(
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
        listener=listener or SilentListener(),
        workspace=workspace_of(services, run_id),
        find_root=find_root,
        store=store,
    )
    context.workspace.mkdir(parents=True, exist_ok=True, mode=0o700)
    return context


def workspace_of(services: Services, run_id: RunId) -> Path:
    """Return the local folder for what is on its way in a run."""
    return services.settings.state_folder / "runs" / run_id


def prepare_run(context: StepContext) -> StepEnd:
    """Make the run's folder on the cluster, and its programs ready; what is there already stays as it is."""
    if context.errand is not None and context.errand.goal is Goal.IMPORT:
        return find_results(context)
    if context.errand is not None and context.errand.goal is Goal.FILE:
        return send_file(context)
    context.go_to(RunStatus.EXPORTING, "preparing the run's folder")
    folder = context.folder
    batches = [place.rstrip("/") for place in dict.fromkeys(context.places().values()) if place]
    made = context.cluster.shell.run(("sh", "-c", _PREPARE_RUN, "sh", folder.root, folder.base, *batches))
    if not made.ok:
        raise RemotePermissionError(f"{folder.root} cannot be made: {made.stderr.strip()}")
    context.check_wishes()
    if context.errand is None:
        context.go_to(RunStatus.EXPORTING, "preparing the workflow's program")
        prepare_program(context)
    else:
        claim_folder(context)
    if not context.takes_zarr:
        prepare_converter(context)
    return StepEnd(move=on_to(names.STAGE))


def is_about_images(context: StepContext) -> bool:
    """Say whether a run has images to work on, and not only the results of some, or a file."""
    return context.errand is None or context.errand.goal not in {Goal.IMPORT, Goal.FILE}
