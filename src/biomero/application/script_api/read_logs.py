"""What jobs print: their progress, and their logs."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from biomero.application.script_api.job_notes import JobNote, job_number, read_notes
from biomero.application.script_api.session import ScriptSession
from biomero.errors import InputError, UnsafePathError

_TAIL = 'tail -n 10 -- "$1" 2>/dev/null | tail -c 20000'
_LOGS = """
cd -- "$1" 2>/dev/null || exit 0
for log in omero-"$2"_*.log; do [ -f "$log" ] && [ ! -L "$log" ] && printf '%s\\n' "$log"; done
:
"""
_LOG_NAME = re.compile(r"omero-(\d+)(?:_[0-9*]+)?\.log")
NO_JOB = "0"
"""What stands for the job of a conversion that had nothing to convert."""
_STEPS = re.compile(r"PROGRESS (\d+)/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedLog:
    """A log that was fetched: the local folder, the file in it, and where it was on the cluster."""

    folder: str
    path: str
    remote: str


def job_progress(session: ScriptSession, job_id: int | str, pattern: str = r"\d+%") -> str | None:
    """Return the last progress in a job's log, such as ``43%``; ``None`` where there is none.

    Without a match in the last ten lines, what our own workflows print (``PROGRESS 3/7``) counts.
    """
    note = _note(session, job_id)
    if note is None or note.ref.array_size is not None:
        return None
    tail = session.run(_TAIL, note.log_of("")).stdout
    found = re.findall(pattern, tail)
    if found:
        return str(found[-1])
    steps = _STEPS.findall(tail)
    if steps and int(steps[-1][1]):
        return f"{100 * int(steps[-1][0]) // int(steps[-1][1])}%"
    return None


def fetch_log(
    session: ScriptSession, job_id: int | str, into: Path, *, logfile: str | None = None
) -> FetchedLog:
    """Fetch the log of a job.

    Parameters
    ----------
    into
        A local folder. In one that everybody may write to, such as ``/tmp``, the log gets one of its own.
    logfile
        The name of the log, where it is not that of the job.

    Raises
    ------
    InputError
        If it is not known which log that is.
    UnsafePathError
        If `logfile` leads out of the data folder.
    TransferError, ConnectionFailedError
        As `RemoteTransfer.download_file` raises.
    """
    remote = _log(session, job_id, logfile)
    folder = _private(into)
    local = folder / remote.rpartition("/")[2]
    session.cluster.transfer.download_file(remote, local)
    return FetchedLog(folder=str(folder), path=str(local), remote=remote)


def fetch_conversion_log(
    session: ScriptSession, job_id: int | str, into: Path, *, logfile: str | None = None
) -> FetchedLog:
    """Fetch the logs of all array tasks of a conversion as one file, in the order of the tasks.

    The log of a conversion that had nothing to convert, and so no job, says that.

    Parameters
    ----------
    logfile
        The name of the local file, where it is not to be ``omero-<job>.log``.

    Raises
    ------
    InputError
        If there are none.
    TransferError, ConnectionFailedError
        As `RemoteTransfer.download` raises.
    """
    if str(job_id).strip() == NO_JOB:
        return _log_of_nothing(into)
    number = job_number(job_id)
    note = _note(session, number)
    if note is None:
        raise InputError(f"job {number} is no conversion that BIOMERO submitted")
    logs = note.folder.logs
    names = session.run(_LOGS, logs, str(number)).stdout.split()
    if not names:
        raise InputError(f"the conversion job {number} has no logs yet")
    folder = _private(into)
    name = (logfile or "").rpartition("/")[2].replace("_%a", "").replace("*", "all") or f"omero-{number}.log"
    local = folder / name
    with tempfile.TemporaryDirectory(dir=folder) as parts, local.open("wb") as whole:
        session.cluster.transfer.download(logs, names, Path(parts))
        for part in sorted(names, key=lambda n: int(re.findall(r"\d+", n)[-1])):
            whole.write(f"== {part}\n".encode())
            with (Path(parts) / part).open("rb") as log:
                shutil.copyfileobj(log, whole)
    return FetchedLog(folder=str(folder), path=str(local), remote=f"{logs}/omero-{number}_*.log")


def _log_of_nothing(into: Path) -> FetchedLog:
    folder = _private(into)
    local = folder / f"omero-{NO_JOB}.log"
    local.write_text("there was nothing to convert\n")
    return FetchedLog(folder=str(folder), path=str(local), remote="")


def _note(session: ScriptSession, job_id: int | str) -> JobNote | None:
    number = job_number(job_id)
    return read_notes(session, [number]).get(number)


def _log(session: ScriptSession, job_id: int | str, logfile: str | None) -> str:
    """Say where a log is on the cluster."""
    if logfile and "/" in logfile:
        folder, rest = session.inside(logfile)
        if not rest:
            raise InputError(f"{logfile} is no log")
        return f"{folder.path}/{rest}"
    named = _LOG_NAME.fullmatch(logfile) if logfile else None
    if logfile and named is None:
        raise UnsafePathError(f"{logfile!r} is not the name of a job's log, such as omero-12.log")
    number = named[1] if named else job_id
    note = _note(session, number)
    if note is not None:
        return note.log_of(0 if note.ref.array_size else "")
    # Where jobs of BIOMERO 2 wrote: the home folder.
    return logfile or f"omero-{job_number(job_id)}.log"


def _private(folder: Path) -> Path:
    """Return a folder that others cannot have prepared; in a shared one, a new one of our own."""
    folder.mkdir(parents=True, exist_ok=True)
    if folder.stat().st_mode & stat.S_IWOTH:
        return Path(tempfile.mkdtemp(prefix="biomero-", dir=folder))
    return folder
