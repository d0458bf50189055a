"""The ends of the logs of runs whose files are gone, kept on this machine for some weeks."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from biomero.application.results_folder import regular_files
from biomero.application.settings import Settings
from biomero.domain.ids import RunId

KEPT_BYTES = 64 << 10
"""Of each log, its end."""

MOST_LOGS = 200
"""Of each run, the newest."""

KEPT_FOR = timedelta(days=90)


def kept_logs(run_id: RunId, settings: Settings) -> Path:
    """Return the folder for what is kept of a run's logs; it need not be there."""
    return settings.state_folder / "logs" / run_id


def keep_logs(logs: Path, run_id: RunId, settings: Settings, *, now: datetime) -> None:
    """Keep the ends of a run's logs, and forget what was kept long ago.

    Doing it again changes nothing, also where the logs are gone meanwhile.

    Parameters
    ----------
    logs
        The folder with them.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    folder = kept_logs(run_id, settings)
    files = list(regular_files(logs)) if logs.is_dir() else []
    for file in sorted(files, key=lambda file: file.stat().st_mtime)[-MOST_LOGS:]:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = folder / f".{file.name}"
        unfinished.write_bytes(_end_of(file))
        unfinished.replace(folder / file.name)
    _forget(folder.parent, before=now - KEPT_FOR)


def _end_of(file: Path) -> bytes:
    with file.open("rb") as log:
        log.seek(0, os.SEEK_END)
        log.seek(max(0, log.tell() - KEPT_BYTES))
        return log.read(KEPT_BYTES)


def _forget(place: Path, *, before: datetime) -> None:
    for folder in place.iterdir() if place.is_dir() else ():
        if datetime.fromtimestamp(folder.stat().st_mtime, UTC) < before:
            shutil.rmtree(folder, ignore_errors=True)
