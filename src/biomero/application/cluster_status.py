"""Use case: what goes on at a cluster, and what our files take there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from biomero.application.ports.clusters import Cluster
from biomero.application.ports.scheduler import OwnJob, PartitionLoad
from biomero.errors import RemoteTimeoutError

# What cannot be read is left out of the sum, and so is what lies on other file systems.
_SPACE = """
while [ $# -gt 0 ]; do
    if [ -d "$1" ]; then
        used=$(du -skx -- "$1" 2>/dev/null | head -n 1 | cut -f 1)
        free=$(df -Pk -- "$1" 2>/dev/null | tail -n 1 | awk '{ print $(NF - 2) }')
        count=$(find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' 2>/dev/null | wc -l)
        where=$(CDPATH= cd -- "$1" && pwd -P)
        printf 'biomero:%s %s %s %s\\n' "${used:-?}" "${free:-?}" "$count" "$where"
    else
        printf 'biomero:absent\\n'
    fi
    shift
done
"""
_COLUMNS = 4
_SPACE_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedSpace:
    """What a folder takes.

    Parameters
    ----------
    used_bytes, free_bytes
        ``None`` where nobody knows: the folder is missing, or counting took too long.
    entries
        How many things lie in it.
    """

    name: str
    path: str
    used_bytes: int | None = None
    free_bytes: int | None = None
    entries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """What goes on at a cluster.

    Parameters
    ----------
    jobs
        All of our account that wait or run; BIOMERO's own have names that begin with ``biomero``.
    """

    name: str
    partitions: tuple[PartitionLoad, ...]
    jobs: tuple[OwnJob, ...]
    space: tuple[UsedSpace, ...]


def cluster_status(cluster: Cluster) -> ClusterStatus:
    """Ask a cluster what goes on; two remote commands.

    Raises
    ------
    ClusterError
        If it cannot be asked.
    """
    load = cluster.scheduler.load()
    return ClusterStatus(
        name=cluster.settings.name,
        partitions=load.partitions,
        jobs=load.jobs,
        space=tuple(_space(cluster)),
    )


def _space(cluster: Cluster) -> list[UsedSpace]:
    settings = cluster.settings
    folders = {
        "runs": f"{settings.data_path}/runs",
        "cache": f"{settings.data_path}/cache",
        "environments": f"{settings.data_path}/environments",
        "images": settings.images_path,
        "converters": settings.converters_path,
    }
    return [
        _row(name, path, words)
        for (name, path), words in zip(folders.items(), _asked(cluster, list(folders.values())), strict=True)
    ]


def _asked(cluster: Cluster, folders: Sequence[str]) -> list[str]:
    try:
        result = cluster.shell.run(("sh", "-c", _SPACE, "sh", *folders), timeout_s=_SPACE_TIMEOUT_S)
    except RemoteTimeoutError:
        return [""] * len(folders)  # counting a million files takes its time; the rest is worth showing
    rows = [
        line.removeprefix("biomero:") for line in result.stdout.splitlines() if line.startswith("biomero:")
    ]
    return (rows + [""] * len(folders))[: len(folders)]


def _row(name: str, path: str, words: str) -> UsedSpace:
    parts = words.split(" ", _COLUMNS - 1)
    if len(parts) < _COLUMNS:
        return UsedSpace(name=name, path=path)
    used, free, entries, where = parts
    return UsedSpace(
        name=name,
        path=where,
        used_bytes=_bytes(used),
        free_bytes=_bytes(free),
        entries=int(entries) if entries.isdecimal() else 0,
    )


def _bytes(kib: str) -> int | None:
    return int(kib) * 1024 if kib.isdecimal() else None
