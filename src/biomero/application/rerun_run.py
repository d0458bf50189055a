"""Use case: ask for a run once more, exactly as its record has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from biomero.application.choose_images import ChosenImages, choose_images
from biomero.application.engine.tidy import is_on_the_way
from biomero.application.hash_source import hash_source
from biomero.application.omero_request import OmeroRequest
from biomero.application.ports.workflows import Workflow
from biomero.application.rerun_omero import omero_images_again
from biomero.application.results_folder import check_results_folder
from biomero.application.run_request import RequestedImage, RunRequest
from biomero.application.services import Services
from biomero.application.submit_run import CheckedOrder
from biomero.application.write_crate import find_workflow
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ImageReadError, InputError, NotRepeatableError, UsageError

_NO_RUN = RunId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """A run that may be repeated; `changes` says which inputs are not what they were."""

    order: CheckedOrder
    changes: tuple[str, ...]


def check_repetition(
    run_id: RunId,
    services: Services,
    *,
    results: Path | None = None,
    changed_inputs_ok: bool = False,
    config: Path | None = None,
    requested_by: str = "",
) -> Repetition:
    """Check that a run can be repeated; nothing is recorded and nothing is sent.

    It will have the same images, parameters, resources and runtime, and the same version of its workflow, on
    the cluster of `services`. Images are the same when their paths and SHA-256 are; those of OMERO
    are looked at as the user whose run it was, as `omero_images_again` says, and that user's permissions are
    asked for again. The record has no hash of attached files, nor of images that could not be read then: for
    those, the path or id alone counts.

    Parameters
    ----------
    results
        The new results folder; beside the run's own by default.
    changed_inputs_ok
        Go on with inputs that have changed, and without images that are gone.

    Raises
    ------
    NotRepeatableError
        If an input or the workflow is gone or has changed; the message names all of them.
    UsageError
        If the run has not ended, or the results folder is taken.
    OmeroError, ConfigurationError
        As `omero_images_again`.
    """
    run = services.record.get(run_id)
    request = _request_of(run)
    workflow = _same_workflow(request, services)
    inputs = _inputs_again(run, request, services)
    if inputs.changes and not changed_inputs_ok:
        raise NotRepeatableError(
            f"run {run_id} cannot be repeated as it was: {'; '.join(inputs.changes)} "
            "(--changed-inputs-ok goes on with what there is)"
        )
    place = results or _free_place(request, services)
    check_results_folder(place, _NO_RUN)
    for path in (path for paths in request.attachments.values() for path in paths):
        if not path.exists():
            raise NotRepeatableError(f"the attached {path} is gone")
    chosen = inputs.choose()
    cluster = services.settings.cluster
    repeated = dataclasses.replace(
        request,
        workflow_file=workflow.descriptor_file,
        images=chosen.images,
        omero=inputs.omero,
        results=place,
        cluster=None if cluster.is_local else cluster.name,
        ssh_config=cluster.ssh_config and cluster.ssh_config.absolute(),
        config=config,
        requested_by=requested_by,
    )
    # With its version as the run had it: a pinned workflow may be found in the folder that keeps it
    named = dataclasses.replace(
        workflow,
        reference=request.workflow,
        version=request.workflow_version,
        is_pinned=request.workflow_is_pinned,
    )
    order = CheckedOrder(request=repeated, workflow=named, unreadable=chosen.unreadable)
    return Repetition(order=order, changes=inputs.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inputs:
    """The images of a run as they are now; they are opened when they are chosen."""

    changes: tuple[str, ...]
    choose: Callable[[], ChosenImages]
    omero: OmeroRequest | None = None


def _inputs_again(run: WorkflowRun, request: RunRequest, services: Services) -> _Inputs:
    if request.omero is not None:
        again = omero_images_again(run, request, request.omero, services)
        chosen = ChosenImages(images=again.images, unreadable={})
        return _Inputs(changes=again.changes, choose=lambda: chosen, omero=again.request)

    def choose() -> ChosenImages:
        stops = request.on_error == "stop"
        chosen = choose_images(_those_there(request), services.images, stop_on_error=stops)
        return dataclasses.replace(chosen, images=_as_they_went(chosen.images, request))

    return _Inputs(changes=tuple(_changed_inputs(run, request)), choose=choose)


def _as_they_went(images: Sequence[RequestedImage], request: RunRequest) -> tuple[RequestedImage, ...]:
    """Give images the names and places that they had on the cluster, where plates count."""
    before = {(image.path, image.series): image for image in request.images}
    return tuple(
        dataclasses.replace(image, name=known.name, staged_as=known.staged_as)
        if (known := before.get((image.path, image.series))) is not None
        else image
        for image in images
    )


def _request_of(run: WorkflowRun) -> RunRequest:
    if not run.request:
        raise UsageError(f"run {run.run_id} was driven by a script: its record cannot be repeated")
    if not run.status.is_final:
        raise UsageError(
            f"run {run.run_id} has not ended, it is {run.status.value}; resume or cancel it first"
        )
    return RunRequest.from_json(run.request)


def _same_workflow(request: RunRequest, services: Services) -> Workflow:
    workflow = find_workflow(services.workflows, request)
    if workflow is None:
        raise NotRepeatableError(
            f"the workflow {request.workflow} is gone, or has changed since: the run had version "
            f"{request.workflow_version} from {request.workflow_file}"
        )
    return workflow


def _changed_inputs(run: WorkflowRun, request: RunRequest) -> list[str]:
    """Say which images are gone or are not what they were."""
    changes = []
    hashes = {i.path: run.image_hashes[i.index] for i in request.images if i.index in run.image_hashes}
    for path in dict.fromkeys(image.path for image in request.images):
        if not path.exists():
            changes.append(f"{path} is gone")
        elif path in hashes:
            try:
                is_same = hash_source(path) == hashes[path]
            except ImageReadError as exc:
                changes.append(str(exc))
            else:
                if not is_same:
                    changes.append(f"{path} has changed")
    return changes


def _those_there(request: RunRequest) -> Sequence[Path]:
    paths = [path for path in dict.fromkeys(image.path for image in request.images) if path.exists()]
    if not paths:
        raise InputError("none of the run's images is there any more")
    return paths


def _free_place(request: RunRequest, services: Services) -> Path:
    if is_on_the_way(request, services.settings):
        return request.results.with_name(str(uuid4()))
    return _free_folder(request.results)


def _free_folder(results: Path) -> Path:
    """Return a folder that is not there yet, beside the results of the run."""
    number = 1
    while True:
        folder = results.with_name(f"{results.name}-rerun{'' if number == 1 else f'-{number}'}")
        if not folder.exists():
            return folder
        number += 1
