"""Use case: put the results of a run that has ended into OMERO once more, with other wishes."""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from uuid import uuid4

from biomero.application.engine.place import place_of
from biomero.application.errand import Errand, Goal
from biomero.application.errand_runs import errand_with, next_errand, refuse_beside_another
from biomero.application.omero_images import omero_for, writing_for
from biomero.application.omero_places import settle_places
from biomero.application.omero_request import OmeroRequest, OmeroWishes
from biomero.application.record_json import as_on_disk
from biomero.application.results_folder import claim_results_folder
from biomero.application.run_request import RunRequest, results_on_the_way
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import InputError, OmeroPermissionError, UsageError

_MOST_TOLD = 5


def import_again(
    earlier: WorkflowRun,
    wishes: OmeroWishes,
    services: Services,
    *,
    key: str = "",
    requested_by: str,
    makes_anew: bool = False,
    alone: AbstractContextManager[object] | None = None,
) -> tuple[RunId, bool]:
    """Accept an import as a run of its own, and return it, and whether it is new.

    The imports of a run are numbered, and their ids are made of its id and the number, so that the record
    itself lets one of them begin at a time, whoever asks for it.

    Parameters
    ----------
    key
        Two requests with the same one are one; empty for a request that is like no other.
    alone
        Held while it is accepted, so that of two who ask at once one hears of the other.

    Raises
    ------
    UsageError
        If the results are nowhere, or another import of them is under way.
        Also all that `check_import` raises.
    """
    key = key or str(uuid4())
    record = services.record
    if (same := errand_with(key, earlier.run_id, Goal.IMPORT, record)) is not None:
        return same, False
    refuse_beside_another(earlier, Goal.IMPORT, record)
    wishes = check_import(earlier, wishes, services)  # asks OMERO, which may take long: others need not wait
    request = _request(earlier, wishes, services, key=key, requested_by=requested_by, makes_anew=makes_anew)
    with alone or nullcontext():
        if (same := errand_with(key, earlier.run_id, Goal.IMPORT, record)) is not None:
            return same, False
        refuse_beside_another(earlier, Goal.IMPORT, record)
        return _accept(earlier, request, next_errand(earlier.run_id, Goal.IMPORT, record), services), True


def check_import(earlier: WorkflowRun, wishes: OmeroWishes, services: Services) -> OmeroWishes:
    """Check that results are there, and that the user may have made of them what they want.

    Returns
    -------
    the wishes, with the ids of containers that exist already

    Raises
    ------
    UsageError
        If the run's images are files, it is under way, its results are nowhere, or they cannot go where they
        shall (`settle_places`).
    OmeroObjectError
        If a dataset or another object of the wishes does not exist, or the user may not see it.
    OmeroPermissionError
        If the user may not annotate the images, or not put anything where they want it.
    OmeroError
        If OMERO does not answer.
    """
    request = RunRequest.from_json(earlier.request)
    if request.errand is not None:
        of = f": name the run itself, {request.errand.earlier}" if request.errand.earlier else ""
        raise UsageError(f"run {earlier.run_id[:8]} has no results of a workflow{of}")
    if request.omero is None:
        raise UsageError(
            f"run {earlier.run_id[:8]} is of files: there is no image in OMERO that its results belong to"
        )
    _is_here(earlier, request)
    omero = omero_for(request.omero.server, services)
    with writing_for(request.omero, services) as writer:
        group = writer.group
    problems = omero.check_writable(request.omero.user, request.omero.images)
    if problems:
        more = f"; and {len(problems) - _MOST_TOLD} more" if len(problems) > _MOST_TOLD else ""
        raise OmeroPermissionError(f"{'; '.join(problems[:_MOST_TOLD])}{more}")
    return settle_places(wishes, omero, user=request.omero.user, group=group, images=request.omero.images)


def _is_here(earlier: WorkflowRun, request: RunRequest) -> bool:
    """Say whether the results are on this machine; else they are on the cluster.

    Raises
    ------
    UsageError
        If they are neither here nor there, as far as the record knows.
    """
    run = f"run {earlier.run_id[:8]}"
    if not earlier.status.is_final and earlier.status is not RunStatus.PAUSED:
        raise UsageError(f"{run} is {earlier.status.value}: wait for its end, or cancel it first")
    paths = [request.results / as_on_disk(output["path"]) for output in earlier.outputs]
    if paths and all(path.exists() for path in paths):
        return True
    if earlier.status is not RunStatus.DONE:
        raise UsageError(f"{run} is {earlier.status.value} and has brought no results that are still there")
    if not request.keep:
        raise UsageError(
            f"the results of {run} went to OMERO and were removed here and on the cluster: run it again, "
            "with Cleanup? off or --keep, or into a folder (--out), to have them at hand"
        )
    again, of = len(set(earlier.asked_images)), len(earlier.stages)
    if again != of:
        raise UsageError(
            f"{run} tried {again} of its {of} images again, so that its results are in several folders on "
            "the cluster, and an import takes them from one: try all images again (biomero runs retry "
            f"{earlier.run_id[:8]} --all), and import then; or run the workflow on all of them anew, with "
            "Cleanup? off or --keep"
        )
    return False


def _request(
    earlier: WorkflowRun,
    wishes: OmeroWishes,
    services: Services,
    *,
    key: str,
    requested_by: str,
    makes_anew: bool,
) -> RunRequest:
    request = RunRequest.from_json(earlier.request)
    omero: OmeroRequest | None = request.omero
    assert omero is not None  # noqa: S101 - it was checked
    errand = Errand(
        goal=Goal.IMPORT,
        key=key,
        earlier=earlier.run_id,
        round=earlier.round,
        is_here=_is_here(earlier, request),
        makes_anew=makes_anew,
    )
    return dataclasses.replace(
        request,
        omero=dataclasses.replace(omero, wishes=wishes),
        errand=errand,
        results=results_on_the_way(services.settings) / str(uuid4()),
        keep=True,  # nothing on the cluster is this run's
        on_error="continue",
        requested_by=requested_by,
    )


def _accept(earlier: WorkflowRun, request: RunRequest, run_id: RunId, services: Services) -> RunId:
    run = WorkflowRun.with_id(
        run_id,
        name=f"Import of {earlier.name}",
        description=f"Results of run {earlier.run_id} into OMERO.",
        user=earlier.user,
        group=earlier.group,
    )
    run.accept(request.to_json())
    run.fail_images(earlier.image_failures)
    if request.errand is not None and request.errand.is_here:
        run.deliver(earlier.outputs, [])
    queued = place_of(run, host=services.home)
    if queued is None:
        raise InputError(f"run {run_id} has no place in the queue")
    services.queue.add(queued, run)
    claim_results_folder(request.results, run_id)
    return run_id
