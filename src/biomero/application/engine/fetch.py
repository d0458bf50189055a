"""Step: everything that the jobs wrote, brought here and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomero.application.engine.context import RunContext
from biomero.application.engine.stage import hash_source
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.transfer import RemoteFile
from biomero.domain.run_status import RunStatus
from biomero.errors import TransferCorruptError

_LARGE_BYTES = 256 << 20


def fetch_results(context: RunContext) -> None:
    """Fetch outputs and logs, also those of a failed job: they are the evidence.

    Every file is checked against the hash that the cluster computed.

    Raises
    ------
    TransferCorruptError
        If what arrived is not what lies there; trying again helps.
    """
    context.go_to(RunStatus.FETCHING)
    fetch_logs(context)
    outputs, here = context.folder.output, outputs_of(context)
    listed = context.cluster.transfer.listing(outputs)
    missing = [file for file in listed if not _is_here(here / file.name, file)]
    for file in missing:
        if file.size >= _LARGE_BYTES:  # one by one, so that a broken attempt goes on where it stopped
            target = here / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            context.cluster.transfer.download_file(f"{outputs}/{file.name}", target)
    small = [file for file in missing if file.size < _LARGE_BYTES]
    _compare(outputs, small, _fetch(context, outputs, small, here))


def fetch_logs(context: RunContext) -> list[Path]:
    """Fetch what the jobs printed so far, and return the local files.

    A log may grow while it is fetched, and so is not compared with its hash.
    """
    logs, here = context.folder.logs, logs_of(context)
    listed = context.cluster.transfer.listing(logs)
    _fetch(context, logs, listed, here)
    return [here / file.name for file in listed]


def outputs_of(context: RunContext) -> Path:
    """Return the local folder for outputs."""
    return context.workspace / "out"


def logs_of(context: RunContext) -> Path:
    """Return the local folder for logs."""
    return context.workspace / "logs"


def _is_here(path: Path, file: RemoteFile) -> bool:
    """Say whether an earlier attempt has brought the file already, whole."""
    return path.is_file() and path.stat().st_size == file.size and hash_source(path) == file.sha256


def _fetch(
    context: RunContext, folder: str, files: Sequence[RemoteFile], destination: Path
) -> list[RemoteFile]:
    if not files:
        return []
    total, arrived, status = sum(file.size for file in files), 0, context.run.status

    def progress(count: int) -> None:
        nonlocal arrived
        arrived += count
        context.listener.show(
            RunUpdate(status=status, message="fetching", done=arrived, total=total, unit="bytes")
        )

    names = [file.name for file in files]
    return context.cluster.transfer.download(folder, names, destination, progress=progress)


def _compare(folder: str, listed: Sequence[RemoteFile], fetched: Sequence[RemoteFile]) -> None:
    here = {file.name: file for file in fetched}
    for file in listed:
        if here.get(file.name) != file:
            raise TransferCorruptError(f"{folder}/{file.name} arrived with other content than it has there")
