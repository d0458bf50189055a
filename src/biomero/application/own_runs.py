"""Use case: let people see and steer their own runs, and administrators all."""

from __future__ import annotations

import re
from uuid import UUID

from biomero.application.run_record import RunRecord
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroUser
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError

_LOOKED_AT = 500
_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")


def may_see(run: WorkflowRun, user: OmeroUser, *, server: str) -> bool:
    """Say whether a run is somebody's business.

    A user is known by their id at the run's server: names can be given to others.
    """
    if user.is_admin:
        return True
    omero = run.request.get("omero") if run.request else None
    return run.user == user.id and (omero is None or omero["server"] == server)


def own_run(text: str, user: OmeroUser, record: RunRecord, *, server: str) -> WorkflowRun:
    """Return a run by its id, or how it begins (eight characters at least), or the newest for ``last``.

    Raises
    ------
    UnknownRunError
        If there is none, or it is somebody else's, which is not told apart.
    """
    wanted = text.strip().lower()
    if wanted == "last":
        newest = own_runs(user, record, server=server, most=1)
        if newest:
            return newest[0]
    elif _ID.fullmatch(wanted):
        is_whole = len(wanted) == len(str(UUID(int=0)))
        matching = [RunId(wanted)] if is_whole else [i for i in record.ids() if i.startswith(wanted)]
        runs = [run for run in map(record.get, matching) if may_see(run, user, server=server)]
        if len(runs) == 1:
            return runs[0]
        if runs:
            raise UnknownRunError(f"several of your runs begin with {wanted}: write more of the id")
    raise UnknownRunError(f"you have no run {text.strip()[:40]!r}")


def run_of_job(job_id: int, user: OmeroUser, record: RunRecord, *, server: str) -> WorkflowRun:
    """Return the newest run of somebody that had a job of this number.

    Raises
    ------
    UnknownRunError
        If there is none among the newest few hundred runs.
    """
    for run in own_runs(user, record, server=server, most=_LOOKED_AT):
        jobs = [job["job"]["job_id"] for job in run.jobs.values() if job["job"] is not None]
        if str(job_id) in map(str, jobs):
            return run
    raise UnknownRunError(f"none of your runs had the job {job_id}")


def own_runs(user: OmeroUser, record: RunRecord, *, server: str, most: int = 20) -> list[WorkflowRun]:
    """Return the newest runs that somebody may see, newest first, among the newest few hundred of all."""
    found: list[WorkflowRun] = []
    for run_id in reversed(record.ids()[-_LOOKED_AT:]):
        run = record.get(RunId(run_id))
        if may_see(run, user, server=server):
            found.append(run)
            if len(found) == most:
                break
    return found
