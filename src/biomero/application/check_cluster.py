"""Use case: ask a cluster everything that can be known before anything is sent to it."""

from __future__ import annotations

from pathlib import Path

from biomero.application.engine.analyse import job_resources
from biomero.application.engine.convert import conversion_resources
from biomero.application.ports.clusters import Cluster
from biomero.application.run_request import RunRequest
from biomero.application.settings import Settings
from biomero.application.submit_run import CheckedOrder
from biomero.errors import ConfigurationError, NoSpaceError, RemotePermissionError, SubmissionRejectedError

_PREPARE_ROOT = (
    'umask 077; mkdir -p -- "$1/runs" && cd -- "$1" && [ -w runs ] && pwd -P && df -Pk . | tail -n 1'
)

_IS_THERE = 'command -v -- "$1" >/dev/null'


def prepare_root(cluster: Cluster) -> tuple[str, int | None]:
    """Make the folder for runs on the cluster.

    Returns
    -------
    its absolute path, and the bytes that are free there; ``None`` where ``df`` does not say

    Raises
    ------
    RemotePermissionError
        If it cannot be made or written.
    """
    path = cluster.settings.data_path
    result = cluster.shell.run(("sh", "-c", _PREPARE_ROOT, "sh", path))
    lines = result.stdout.splitlines()
    if not result.ok or len(lines) < 2:  # noqa: PLR2004 - the path, and df's line
        raise RemotePermissionError(
            f"the folder for runs, {path}, cannot be made or written on {cluster.settings.name}: "
            f"{result.stderr.strip() or 'no permission'}"
        )
    free = lines[-1].rsplit(None, 3)[1] if len(lines[-1].split()) > 3 else ""  # noqa: PLR2004 - before: any name
    return lines[-2], int(free) * 1024 if free.isdecimal() else None


def check_cluster(cluster: Cluster, checked: CheckedOrder, settings: Settings) -> None:
    """Ask what can be known before anything is sent: the way there, folder, space, partitions.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached, or there is no room.
    ConfigurationError
        If jobs would run on this machine, and it does not have the program that was chosen for them.
    SubmissionRejectedError
        If there is no such partition; the message lists those that there are.
    """
    request = checked.request
    if cluster.settings.is_local:
        _check_program(cluster, request)
    _, free = prepare_root(cluster)
    # how large images of OMERO are nobody knows before they are read
    is_file = request.omero is None
    sources = {i.path for i in request.images if is_file and i.index not in checked.unreadable}
    needed = sum(file.stat().st_size for path in sources for file in _files(path))
    if free is not None and free < needed:
        raise NoSpaceError(
            f"{cluster.settings.data_path} on {cluster.settings.name} has {free / 1e9:.1f} GB free, "
            f"and the images alone have {needed / 1e9:.1f} GB"
        )
    _check_partitions(
        cluster,
        job_resources(settings, cluster.settings, checked.workflow.descriptor, request).partition,
        conversion_resources(cluster.settings, request.resources).partition,
    )


def _check_program(cluster: Cluster, request: RunRequest) -> None:
    """Look for the program that a person chose; elsewhere only a compute node could tell."""
    if request.runtime == "process":
        chosen, option = request.python, "--python"
    else:
        chosen, option = cluster.settings.container_executable or request.runtime, "--runtime"
    if chosen is None or cluster.settings.container_modules or cluster.settings.prologue:
        return
    if not cluster.shell.run(("sh", "-c", _IS_THERE, "sh", chosen)).ok:
        raise ConfigurationError(f"{option}: there is no program {chosen} on this machine")


def _check_partitions(cluster: Cluster, *wanted: str | None) -> None:
    names = [name for text in wanted for name in (text or "").split(",") if name]
    known = {partition.name for partition in cluster.scheduler.partitions()} if names else set()
    missing = [name for name in names if name not in known]
    if known and missing:
        raise SubmissionRejectedError(
            f"no partition '{missing[0]}' on {cluster.settings.name}; it has: {', '.join(sorted(known))}"
        )


def _files(path: Path) -> list[Path]:
    return [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
