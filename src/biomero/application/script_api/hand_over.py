"""Hand over a job for a data folder, once, and write down which folder it works in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import TypeVar

from biomero.application.script_api.job_notes import JobKind, write_note
from biomero.application.script_api.session import DataFolder, ScriptSession
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.domain.ids import JobKey
from biomero.domain.job import JobResources, JobSpec
from biomero.domain.job_script import JobScript
from biomero.errors import ClusterError, InputError

_TRIES = 5
_PAUSE_S = 2.0
Result = TypeVar("Result")

_BEGINNING = "omero-job-"
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

_MAKE = """
umask 077
cd -P -- "$1" && [ ! -L "$2" ] && [ -d "$2/data/in" ] || exit 1
mkdir -p -- "$2/jobs" "$2/logs" "$2/data/out" "$2/data/gt"
"""


def check_folder(session: ScriptSession, name: str) -> DataFolder:
    """Return a data folder that is ready for jobs.

    Raises
    ------
    InputError
        If there is none of that name, or its zip was never unpacked.
    """
    folder = session.folder(name)
    made = session.run(_MAKE, session.root, folder.name)
    if not made.ok:
        raise InputError(
            f"there is no unpacked data {name!r} in {session.root} on the cluster; "
            f"send and unpack it first ({made.stderr.strip() or 'no such folder'})"
        )
    return folder


def new_key(what: str, identity: str | None) -> JobKey:
    """Return the identity of a job, also its name in Slurm.

    Parameters
    ----------
    identity
        What the caller knows the job by, such as the id of its task: the same one is the same job, so that a
        call that is made again after a lost connection doubles nothing. Without it, every call is a new job.
    """
    parts = (re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in (what, identity or str(uuid.uuid4())))
    return JobKey(_BEGINNING + "-".join(parts))


def identity_in(key: JobKey) -> str | None:
    """Return the identity in a job's key, where it is an id of ours; whether anybody knows it is not said."""
    found = _ID.search(key)
    return found[0] if found and key.startswith(_BEGINNING) else None


def hand_over(
    session: ScriptSession,
    folder: DataFolder,
    script: JobScript,
    *,
    kind: JobKind,
    resources: JobResources,
    comment: str,
) -> SubmittedJob:
    """Submit a job.

    On return there is exactly one job of its key, and it is written down which folder it works in. A
    connection that is lost meanwhile is tried again.

    Raises
    ------
    SubmissionRejectedError
        If the scheduler would refuse the same job again.
    ClusterError
        If the cluster did not answer for some time. Whether there is a job is unknown then.
    """
    path = f"{folder.jobs}/{script.key}.sh"
    number = "%j" if script.array_size is None else "%A_%a"
    spec = JobSpec(
        key=script.key,
        script=path,
        log=f"{folder.logs}/omero-{number}.log",
        resources=resources,
        array_size=script.array_size,
        comment=comment,
    )
    _patiently(session, lambda: session.write_file(path, script.text))
    ref = _patiently(session, lambda: session.cluster.scheduler.submit(spec))
    job = SubmittedJob(
        ref=ref,
        folder=folder,
        log=spec.log.replace("%j", str(ref.job_id)).replace("%A", str(ref.job_id)),
        command=script.command or script.array_commands[0],
        environment=script.environment,
    )
    _patiently(session, lambda: write_note(session, job, kind))
    return job


def _patiently(session: ScriptSession, act: Callable[[], Result]) -> Result:
    """Do something that is safe to do again, until the cluster answers."""
    for left in range(_TRIES - 1, -1, -1):
        try:
            return act()
        except ClusterError as exc:
            if not exc.transient or not left:
                raise
            session.clock.sleep(_PAUSE_S * (_TRIES - left))
    raise AssertionError("the last try returns or raises")
