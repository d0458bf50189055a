"""Remove what a job left, when its results were fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from biomero.application.script_api.job_notes import JobNote, job_number, notes_in, read_notes
from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.domain.file_names import check_name
from biomero.domain.ids import SlurmJobId
from biomero.domain.job import JobReport
from biomero.errors import InputError, RemoteCommandError, UnsafePathError

# $1 root  $2 name of the data folder  then files in it. Links are removed, never followed.
_REMOVE_FILES = """
cd -P -- "$1" && [ ! -L "$2" ] || exit 1
cd -P -- "./$2" || exit 1
shift 2
for file; do case $file in */*) [ ! -L "${file%%/*}" ] || exit 1 ;; esac; rm -f -- "./$file" || exit 1; done
"""

# $1 root  $2 name of the data folder  then numbers of jobs. Away with one move first: nobody sees half of it.
_REMOVE_FOLDER = """
cd -P -- "$1" || exit 1
name=$2
shift 2
rm -f -- "./$name.zip"
if [ -L "$name" ]; then rm -f -- "./$name"
elif [ -d "$name" ]; then
    gone=.removed.$$
    mv -T -- "./$name" "$gone" && chmod -R u+rwX -- "$gone" && rm -rf -- "$gone" || exit 1
fi
for job; do rm -f -- ".jobs/$job" || exit 1; done
"""
_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was removed: whether the whole data folder was, and if not, why it stays."""

    folder: str
    whole_folder: bool
    reason: str = ""


def clean_up(
    session: ScriptSession,
    job_id: int | str,
    *,
    filename: str | None = None,
    data_location: str | None = None,
) -> Removed:
    """Remove what belongs to a job that has ended: its results' zip, its log, its data folder.

    The data folder goes with the last of its jobs: it stays while another job works in it, and while another
    has results there that were not cleaned up. A conversion never takes the data folder along.

    Parameters
    ----------
    filename
        The results' zip, as for `zip_results`.
    data_location
        The data folder, for a caller to say what it means; it must be the one that the job worked in.

    Raises
    ------
    InputError
        If the job has not ended, or it is not known which folder it worked in; nothing is removed then.
    UnsafePathError
        If a path is not of this job; nothing is removed then.
    RemoteCommandError
        If something cannot be removed.
    """
    number = job_number(job_id)
    note = read_notes(session, [number]).get(number)
    if note is None:
        raise InputError(
            f"job {number} was not submitted through BIOMERO, or was cleaned up already: nothing is removed"
        )
    folder = note.folder
    if data_location is not None and session.locate(data_location) != folder:
        raise UnsafePathError(f"job {number} worked in {folder.path}, not in {data_location!r}")
    archive = _archive(session, folder, filename)
    notes = {n.ref.job_id: n for n in notes_in(session, folder)} | {number: note}
    reports = session.cluster.scheduler.report([n.ref for n in notes.values()])
    if number in reports and not reports[number].is_final:
        raise InputError(f"job {number} has not ended: nothing is removed")
    reason = _reason_to_stay(note, notes, reports)
    if not reason:
        _run(session, _REMOVE_FOLDER, session.root, folder.name, *(str(job) for job in notes))
        return Removed(folder=folder.path, whole_folder=True)
    files = [*archive, *_own_files(note)]
    _run(session, _REMOVE_FILES, session.root, folder.name, *files)
    _run(session, _REMOVE_FILES, session.root, ".jobs", str(number))
    return Removed(folder=folder.path, whole_folder=False, reason=reason)


def _archive(session: ScriptSession, folder: DataFolder, filename: str | None) -> list[str]:
    """Return the results' zip, below its data folder."""
    if not filename:
        return []
    if "/" in filename:
        owner, rest = session.inside(filename)
        if owner != folder or "/" in rest or not rest:
            raise UnsafePathError(f"{filename!r} is not in the data folder {folder.path}")
        filename = rest
    return [f"{check_name(filename).removesuffix('.zip')}.zip"]


def _reason_to_stay(
    note: JobNote,
    notes: dict[SlurmJobId, JobNote],
    reports: Mapping[SlurmJobId, JobReport],
) -> str:
    if note.kind == "conversion":
        return "a conversion leaves the data where it is"
    for job, other in notes.items():
        report = reports.get(job)
        if job == note.ref.job_id or report is None:
            continue
        if not report.is_final:
            return f"job {job} still works in it"
        if other.kind == "workflow" and report.is_success:
            return f"the results of job {job} are still in it"
    return ""


def _own_files(note: JobNote) -> list[str]:
    """Return what lies in the data folder because of this job alone."""
    tasks = [""] if note.ref.array_size is None else [str(i) for i in range(note.ref.array_size)]
    start = len(note.folder.path) + 1
    logs = [note.log_of(task)[start:] for task in tasks]
    return [*logs, f"jobs/{note.ref.job_id}.note"]


def _run(session: ScriptSession, script: str, *arguments: str) -> None:
    result = session.run(script, *arguments, timeout_s=_TIMEOUT_S)
    if not result.ok:
        raise RemoteCommandError(f"cleaning up failed: {result.stderr.strip() or 'a link stands in the way'}")
