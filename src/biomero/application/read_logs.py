"""Use case: show what the jobs of a run print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from biomero.application.check_cluster import prepare_root
from biomero.application.engine.context import StepContext
from biomero.application.engine.fetch import fetch_logs
from biomero.application.engine.prepare import open_run
from biomero.application.kept_logs import kept_logs
from biomero.application.ports.clusters import Cluster
from biomero.application.results_folder import LOGS
from biomero.application.run_request import RunRequest
from biomero.application.services import Services
from biomero.domain.ids import RunId


def read_logs(run_id: RunId, services: Services, open_cluster: Callable[[], Cluster]) -> list[Path]:
    """Return the logs of a run as local files; those of an open run are fetched as they are now.

    Where all results went to OMERO, and the run has no folder any more, the ends of its logs are returned.

    Raises
    ------
    UnknownRunError
        If there is no such run.
    ClusterError
        If the run is open and its cluster cannot be reached.
    """
    run = services.record.get(run_id)
    request = RunRequest.from_json(run.request)
    if not run.status.is_final and run.jobs:
        with open_cluster() as cluster:
            return fetch_logs(look_into_run(run_id, services, cluster))
    folder = request.results / LOGS
    if not folder.is_dir():
        folder = kept_logs(run_id, services.settings)
    return sorted(p for p in folder.glob("*") if p.is_file())


def look_into_run(run_id: RunId, services: Services, cluster: Cluster) -> StepContext:
    """Return what is needed to read from a run's folder, without working on the run."""
    root = prepare_root(cluster)[0]
    return open_run(
        run_id,
        services,
        cluster,
        find_root=lambda: root,
        store=lambda decide: services.record.change(run_id, decide),
    )
