"""Use case: let people see and steer their own runs, and full administrators all of their server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from uuid import UUID

from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroUser
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError

_MOST_PAGES = 10
_PAGE = 50
_MOST_ALIKE = 20
_ID = re.compile(r"[0-9a-f]{8}[0-9a-f-]{0,28}")

Page = Callable[[int], Sequence[RunId]]
"""Returns the next newest runs, after so many."""


def may_see(run: WorkflowRun, user: OmeroUser, *, server: str) -> bool:
    """Say whether a run is somebody's business: it is their own, or was asked for where they administrate.

    A run that nobody of OMERO asked for, but somebody on the worker's machine, is that machine's.
    """
    if user.is_admin:
        return run.user is not None and _is_from(run, server)
    return is_own(run, user, server=server)


def is_own(run: WorkflowRun, user: OmeroUser, *, server: str) -> bool:
    """Say whether a run is a user's.

    A user is known by their id at the run's server: names can be given to others.
    """
    return run.user == user.id and _is_from(run, server)


def _is_from(run: WorkflowRun, server: str) -> bool:
    """Say whether a run was asked for at a server; of runs that a script drives nobody recorded where."""
    omero = run.request.get("omero") if run.request else None
    return omero is None or bool(omero["server"] == server)


def own_run(text: str, user: OmeroUser, services: Services, *, server: str) -> WorkflowRun:
    """Return a run by its id, or how it begins (eight characters at least), or one's newest for ``last``.

    Raises
    ------
    UnknownRunError
        If there is none, or it is somebody else's, which is not told apart.
    """
    wanted = text.strip().lower()
    if wanted == "last":
        newest = own_runs(user, services, server=server, most=1)
        if newest:
            return newest[0]
    elif _ID.fullmatch(wanted):
        is_whole = len(wanted) == len(str(UUID(int=0)))
        whose = None if user.is_admin else user.id
        matching = [RunId(wanted)] if is_whole else services.finder.beginning(wanted, whose, most=_MOST_ALIKE)
        runs = [run for run in _known(matching, services) if may_see(run, user, server=server)]
        if len(runs) == 1:
            return runs[0]
        if runs:
            raise UnknownRunError(f"several of your runs begin with {wanted}: write more of the id")
    raise UnknownRunError(f"you have no run {text.strip()[:40]!r}")


def _known(run_ids: Sequence[RunId], services: Services) -> Iterator[WorkflowRun]:
    for run_id in run_ids:
        with suppress(UnknownRunError):
            yield services.record.get(run_id)


def run_of_job(job_id: int, user: OmeroUser, services: Services, *, server: str) -> WorkflowRun:
    """Return the newest run of somebody that had a job of this number.

    Raises
    ------
    UnknownRunError
        If there is none.
    """
    whose = None if user.is_admin else user.id
    for run in _each(lambda skip: services.finder.with_job(job_id, whose, most=_PAGE, skip=skip), services):
        if run.jobs and may_see(run, user, server=server):  # not what only a script drives
            return run
    raise UnknownRunError(f"none of your runs had the job {job_id}")


def own_runs(user: OmeroUser, services: Services, *, server: str, most: int = 20) -> list[WorkflowRun]:
    """Return the newest runs of a user, newest first, however many others have been asked for since."""
    return list(islice(each_own_run(user, services, server=server), most))


def each_own_run(
    user: OmeroUser, services: Services, *, server: str, name: str | None = None
) -> Iterator[WorkflowRun]:
    """Yield the newest few hundred runs of a user, newest first, each read when it is wanted.

    Parameters
    ----------
    name
        Only those that are called so.
    """
    finder = services.finder
    runs = _each(lambda skip: finder.newest(user.id, name=name, most=_PAGE, skip=skip), services)
    return (run for run in runs if is_own(run, user, server=server))


def visible_runs(
    user: OmeroUser, services: Services, *, server: str, most: int = 20, requested_by: str | None = None
) -> list[WorkflowRun]:
    """Return the newest runs that a user may see, newest first.

    Parameters
    ----------
    requested_by
        Only those that were asked for under this name.
    """
    whose, finder = None if user.is_admin else user.id, services.finder
    runs = _each(
        lambda skip: finder.newest(whose, requested_by=requested_by, most=_PAGE, skip=skip), services
    )
    return list(islice((run for run in runs if may_see(run, user, server=server)), most))


def _each(page: Page, services: Services) -> Iterator[WorkflowRun]:
    """Yield runs, page by page.

    More than a page is read where users of another server have the same ids, or a run is looked for.
    """
    for number in range(_MOST_PAGES):
        ids = page(number * _PAGE)
        yield from map(services.record.get, ids)
        if len(ids) < _PAGE:
            return
