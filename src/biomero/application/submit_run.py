"""Use case: check everything that can be known beforehand, and accept a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from uuid import uuid4

from biomero.application.choose_images import ChosenImages, choose_images
from biomero.application.choose_omero_files import check_inputs
from biomero.application.choose_omero_images import OmeroOrder, choose_omero_images
from biomero.application.engine.place import place_of
from biomero.application.omero_request import OmeroRequest
from biomero.application.place_on_plates import Plates, place_on_plates, wants_plates
from biomero.application.ports.run_queue import Wish
from biomero.application.ports.workflows import Workflow
from biomero.application.record_json import failure_to_json
from biomero.application.results_folder import check_results_folder, claim_results_folder
from biomero.application.run_request import OnError, RunRequest, results_on_the_way
from biomero.application.services import Services, WorkflowServices
from biomero.domain.classify_failure import failure_of
from biomero.domain.command_line import build_arguments
from biomero.domain.descriptor import ParameterValue
from biomero.domain.ids import RunId
from biomero.domain.job import JobResources
from biomero.domain.parameters import check_parameters
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ImageReadError, InputError

_NO_RUN = RunId("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a user asks for, unchecked.

    Parameters
    ----------
    images
        Files; none where the images are in OMERO.
    results
        A folder; ``None`` leaves it to BIOMERO where the results go to OMERO.
    plates
        Whether images of wells reach the workflow as plates (``hcs``) or each alone (``fields``).
    """

    workflow: str
    images: Sequence[Path] = ()
    results: Path | None = None
    omero: OmeroOrder | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    attachments: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    runtime: str | None = None
    python: str | None = None
    container_image: str | None = None
    resources: JobResources = field(default_factory=JobResources)
    on_error: OnError = "continue"
    batch_size: int | None = None
    zarr_version: Literal["0.4", "0.5"] = "0.5"
    plates: Plates = "auto"
    keep: bool = False
    config: Path | None = None
    requested_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOrder:
    """An order in which nothing is wrong that can be known here."""

    request: RunRequest
    workflow: Workflow
    unreadable: Mapping[int, ImageReadError]


def check_order(order: Order, services: Services) -> CheckedOrder:
    """Check an order whole; nothing is recorded and nothing is sent.

    Raises
    ------
    UsageError
        If the workflow, a parameter, an image or the results folder is not as it should be.
    ImageReadError
        If an image cannot be read and the order says to stop then.
    """
    workflow = services.workflows.find(order.workflow)
    parameters = check_parameters(workflow.descriptor, order.parameters)
    attachments = _check_attachments(workflow, parameters, order)
    has_plates = wants_plates(order.plates, workflow.descriptor)
    results = _results(order, services)
    check_results_folder(results, _NO_RUN)
    chosen, omero = _choose(order, workflow, services)
    images = chosen.images
    if has_plates:
        images = place_on_plates(images, omero, services.stores, is_asked=order.plates == "hcs")
    cluster = services.settings.cluster
    request = RunRequest(
        workflow=order.workflow,
        workflow_name=workflow.descriptor.name,
        workflow_version=workflow.version,
        workflow_file=_absolute(workflow.descriptor_file),
        workflow_is_pinned=workflow.is_pinned,
        parameters=parameters,
        images=images,
        results=_absolute(results),
        attachments=attachments,
        cluster=None if cluster.is_local else cluster.name,
        ssh_config=cluster.ssh_config and _absolute(cluster.ssh_config),
        config=order.config and _absolute(order.config),
        runtime=order.runtime or default_runtime(workflow, services),
        python=_place(order.python, is_local=cluster.is_local),
        container_image=_place(order.container_image, is_local=cluster.is_local),
        resources=order.resources,
        on_error=order.on_error,
        batch_size=order.batch_size,
        zarr_version=order.zarr_version,
        keep=order.keep,
        requested_by=order.requested_by,
        omero=omero,
    )
    return CheckedOrder(request=request, workflow=workflow, unreadable=chosen.unreadable)


def _results(order: Order, services: Services) -> Path:
    if order.results is not None:
        return order.results
    if order.omero is None or not order.omero.wishes:
        raise InputError("nobody said where the results shall go: name a folder (--out)")
    return results_on_the_way(services.settings) / str(uuid4())


def _choose(order: Order, workflow: Workflow, services: Services) -> tuple[ChosenImages, OmeroRequest | None]:
    if order.omero is None:
        return choose_images(order.images, services.images, stop_on_error=order.on_error == "stop"), None
    if order.images:
        raise InputError(f"images are files or in OMERO, not both: {order.images[0]}")
    request, images = choose_omero_images(order.omero, services, workflow.descriptor)
    return ChosenImages(images=images, unreadable={}), request


def _place(given: str | None, *, is_local: bool) -> str | None:
    """Make the path of a file on this machine hold in any folder; a bare name is no path."""
    is_file = given is not None and is_local and "/" in given and Path(given).exists()
    return str(_absolute(Path(given))) if given is not None and is_file else given


def accept_order(checked: CheckedOrder, services: Services, *, run_id: RunId | None = None) -> RunId:
    """Record a run; from now on it reaches a final status.

    Parameters
    ----------
    run_id
        An id that no run has yet, for those who can tell by it that they have asked before.

    Raises
    ------
    InputError
        If the results folder has become another run's meanwhile; the run is failed then.
    """
    descriptor = checked.workflow.descriptor
    omero = checked.request.omero
    run = WorkflowRun.with_id(
        run_id or RunId(str(uuid4())),
        name=descriptor.name,
        description=descriptor.description,
        user=None if omero is None else omero.user_id,
        group=None if omero is None else omero.group_id,
    )
    run.accept(checked.request.to_json())
    run.fail_images({i: failure_to_json(failure_of(error)) for i, error in checked.unreadable.items()})
    queued = place_of(run, host=services.home)
    assert queued is not None  # noqa: S101 - it has just been asked for
    services.queue.add(queued, run)
    try:
        claim_results_folder(checked.request.results, run.run_id)
    except InputError as exc:
        failure = failure_to_json(failure_of(exc))
        services.queue.request(run.run_id, Wish.CANCEL, lambda run: run.fail(failure))
        raise
    return run.run_id


def _check_attachments(
    workflow: Workflow, parameters: Mapping[str, ParameterValue], order: Order
) -> Mapping[str, tuple[Path, ...]]:
    """Say early what the making of the command line would say late."""
    given = order.attachments
    of_omero = {} if order.omero is None else order.omero.files
    check_inputs(workflow.descriptor, of_omero, local=given)
    for name, paths in given.items():
        for path in paths:
            if not path.exists():
                raise InputError(f"--input {name}: {path}: there is no such file or folder")
    build_arguments(
        workflow.descriptor,
        parameters,
        input_folder="in",
        output_folder="out",
        ground_truth_folder="gt",
        attachments=dict.fromkeys([*given, *of_omero], "attached"),
        is_of_omero=order.omero is not None,
    )
    return {name: tuple(map(_absolute, paths)) for name, paths in given.items()}


def _absolute(path: Path) -> Path:
    """Return a path that holds in any folder, without ``..``; links stay links."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib keeps ``..``


def default_runtime(workflow: Workflow, services: WorkflowServices) -> str:
    """Choose a runtime where the user did not: what we ship needs no container, all else does."""
    if services.settings.cluster.is_local or workflow.folder.is_relative_to(
        services.settings.shipped_workflows
    ):
        return "process"
    return "apptainer"
