"""Which data folder a job works in: written down when it is submitted, never read out of a log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef
from biomero.errors import BiomeroError, InputError, RemoteCommandError, UnsafePathError

JobKind = Literal["workflow", "conversion"]

# The note by id is a copy: the one in the data folder tells which jobs belong to that folder.
_WRITE = """
umask 077
mkdir -p -- "$1/.jobs" "$1/$2/jobs" || exit 1
cat >"$1/$2/jobs/$3.note.part" && mv -f -- "$1/$2/jobs/$3.note.part" "$1/$2/jobs/$3.note" || exit 1
cp -- "$1/$2/jobs/$3.note" "$1/.jobs/$3.part" && mv -f -- "$1/.jobs/$3.part" "$1/.jobs/$3"
"""
_READ = 'cd -- "$1/.jobs" 2>/dev/null || exit 0; shift; for id; do cat -- "$id" 2>/dev/null && echo; done; :'
_READ_FOLDER = (
    'cd -- "$1" 2>/dev/null || exit 0; for n in *.note; do [ -f "$n" ] && cat -- "$n" && echo; done; :'
)
_LOG_NAME = re.compile(r"(?:.*/)?omero-(\d+)(?:_[^/]*)?\.log")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """What is written down of a job that a script submitted."""

    ref: JobRef
    folder: DataFolder
    kind: JobKind
    log: str

    def log_of(self, task: int | str) -> str:
        """Return the log of an array task, or of a single job."""
        return self.log.replace("%a", str(task))


def job_number(job_id: int | str) -> SlurmJobId:
    """Return the number of a job that a script names, also by an array task such as ``12_3``.

    Raises
    ------
    InputError
        If it is none.
    """
    found = re.fullmatch(r"(\d{1,18})(?:_\d+)?", str(job_id).strip())
    if found is None or int(found[1]) < 1:
        raise InputError(f"{job_id!r} is no number of a job")
    return SlurmJobId(int(found[1]))


def write_note(session: ScriptSession, job: SubmittedJob, kind: JobKind) -> None:
    """Write down a job.

    Raises
    ------
    RemoteCommandError
        If it cannot be written.
    """
    said = {
        "job_id": job.job_id,
        "key": job.ref.key,
        "array_size": job.ref.array_size,
        "folder": job.folder.name,
        "kind": kind,
        "log": job.log,
    }
    text = json.dumps(said).encode()
    result = session.run(_WRITE, session.root, job.folder.name, str(job.job_id), stdin=text)
    if not result.ok:
        raise RemoteCommandError(
            f"job {job.job_id} runs, but its folder could not be written down: {result.stderr.strip()}"
        )


def read_notes(session: ScriptSession, jobs: Sequence[SlurmJobId]) -> Mapping[SlurmJobId, JobNote]:
    """Return the notes of jobs; those that were not submitted by a script have none."""
    if not jobs:
        return {}
    said = session.run(_READ, session.root, *map(str, jobs)).stdout
    return {note.ref.job_id: note for note in _notes(session, said) if note.ref.job_id in jobs}


def notes_in(session: ScriptSession, folder: DataFolder) -> list[JobNote]:
    """Return the notes of all jobs that were submitted for a data folder."""
    found = _notes(session, session.run(_READ_FOLDER, folder.jobs).stdout)
    return [note for note in found if note.folder == folder]


def data_location(
    session: ScriptSession, job_id: int | str | None = None, *, logfile: str | None = None
) -> str:
    """Return the data folder that a job works in, absolute.

    Parameters
    ----------
    logfile
        The name of the job's log, such as ``omero-12.log``, in place of its number. It is not read.

    Raises
    ------
    InputError
        If neither we nor the scheduler know where the job worked, or it was not below the data folder.
    """
    if job_id is None:
        named = _LOG_NAME.fullmatch(logfile or "")
        if named is None:
            raise InputError(f"{logfile!r} is not the name of a job's log, such as omero-12.log")
        job_id = named[1]
    number = job_number(job_id)
    note = read_notes(session, [number]).get(number)
    if note is not None:
        return note.folder.path
    for job in session.cluster.scheduler.history(jobs=[number]):
        try:
            return session.inside(job.folder)[0].path
        except UnsafePathError:
            continue
    raise InputError(
        f"it is not known which data job {number} worked on: it was not submitted through BIOMERO, "
        "or its data was cleaned up"
    )


def _notes(session: ScriptSession, text: str) -> Iterable[JobNote]:
    for line in text.splitlines():
        try:
            yield _note(session, json.loads(line))
        except (BiomeroError, ValueError, TypeError, KeyError):
            # Workflows that run as plain processes may write here: what is no note says nothing.
            continue


def _note(session: ScriptSession, said: Mapping[str, Any]) -> JobNote:
    folder = session.folder(said["folder"])
    size = said["array_size"]
    _, log = session.inside(said["log"])
    return JobNote(
        ref=JobRef(
            key=JobKey(str(said["key"])),
            job_id=job_number(said["job_id"]),
            folder=folder.jobs,
            array_size=None if size is None else int(size),
        ),
        folder=folder,
        kind="conversion" if said["kind"] == "conversion" else "workflow",
        log=f"{folder.path}/{log}",
    )
