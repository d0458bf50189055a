"""Use cases: images of OMERO onto a cluster, where they stay, and there into another format."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from biomero.application.choose_omero_images import OmeroOrder, choose_omero_images
from biomero.application.engine.place import place_of
from biomero.application.errand import Errand, Goal
from biomero.application.errand_runs import errand_with, next_errand, refuse_beside_another
from biomero.application.own_runs import each_own_run, own_run
from biomero.application.place_on_plates import place_on_plates
from biomero.application.ports.workflows import CONVERTER
from biomero.application.results_folder import claim_results_folder
from biomero.application.run_request import RunRequest, results_on_the_way
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.omero import OmeroKind, OmeroUser
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import InputError, UnknownRunError, UsageError

FOLDER_PREFIX = "SLURM_IMAGES_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")
_TRANSFER = "Image transfer"
_WHOLE_PLATES = (OmeroKind.PLATE, OmeroKind.SCREEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOrder:
    """What a user wants to have on a cluster; plates that stay OME-Zarr are plates there.

    Parameters
    ----------
    as_tiff
        Converted to OME-TIFF there; else they stay OME-Zarr.
    folder
        What the folder there is called; empty leaves it to BIOMERO.
    """

    omero: OmeroOrder
    as_tiff: bool = False
    zarr_version: Literal["0.4", "0.5"] = "0.5"
    folder: str = ""
    requested_by: str = ""


def check_sending(order: SendOrder, services: Services, *, run_id: RunId) -> RunRequest:
    """Look at everything that was chosen, and return what is asked for; nothing is recorded.

    Raises
    ------
    InputError
        If the name of the folder is none, or there are no images of one group.
    OmeroError
        As `choose_omero_images`.
    """
    folder = order.folder or f"{FOLDER_PREFIX}{run_id[:8]}"
    if not _NAME.fullmatch(folder) or folder.endswith((" ", ".")):
        raise InputError(
            f"Folder_Name: {folder[:40]!r} is no name for a folder: up to 100 letters, digits, '.', '_', "
            "'-' and spaces, and a letter or digit first"
        )
    found = services.workflows.find(CONVERTER)
    omero, images = choose_omero_images(order.omero, services, found.descriptor)
    if not order.as_tiff and any(ref.kind in _WHOLE_PLATES for ref in order.omero.chosen):
        images = place_on_plates(images, omero, services.stores, is_asked=False)
    cluster = services.settings.cluster
    return RunRequest(
        workflow=CONVERTER,
        workflow_name=found.descriptor.name,
        workflow_version=found.version,
        workflow_file=found.descriptor_file,
        parameters={},
        images=images,
        results=results_on_the_way(services.settings) / str(uuid4()),
        cluster=None if cluster.is_local else cluster.name,
        ssh_config=cluster.ssh_config and cluster.ssh_config.absolute(),
        zarr_version=order.zarr_version,
        keep=True,
        requested_by=order.requested_by,
        omero=omero,
        errand=Errand(goal=Goal.IMAGES, folder=folder, takes_zarr=not order.as_tiff),
    )


def accept_sending(request: RunRequest, services: Services, *, run_id: RunId) -> RunId:
    """Record it as a run of its own."""
    folder = "" if request.errand is None else request.errand.folder
    about = f"Images in {folder} on the cluster."
    return accept_errand_run(request, run_id, services, name=_TRANSFER, about=about)


def convert_sent(
    earlier: WorkflowRun, services: Services, *, key: str, requested_by: str
) -> tuple[RunId, bool]:
    """Accept that images that an earlier run has sent as OME-Zarr get OME-TIFF beside them.

    Returns
    -------
    the run, and whether it is new

    Raises
    ------
    UsageError
        If there are none, or that is being done already.
    """
    if (same := errand_with(key, earlier.run_id, Goal.CONVERSION, services.record)) is not None:
        return same, False
    sent = check_sent(earlier)
    if sent.errand is None or not sent.errand.takes_zarr:
        raise UsageError(f"the images of run {earlier.run_id[:8]} are OME-TIFF already")
    refuse_beside_another(earlier, Goal.CONVERSION, services.record)
    errand = Errand(
        goal=Goal.CONVERSION, key=key, earlier=earlier.run_id, round=earlier.round, takes_zarr=False
    )
    request = dataclasses.replace(
        sent,
        errand=errand,
        results=results_on_the_way(services.settings) / str(uuid4()),
        keep=False,  # the run's own folder has but job scripts; the images are the earlier one's
        requested_by=requested_by,
    )
    run_id = next_errand(earlier.run_id, Goal.CONVERSION, services.record)
    run = _new(request, run_id, name="Conversion", about=f"Images of run {earlier.run_id} as OME-TIFF.")
    run.fail_images(earlier.image_failures)
    run.advance_images(run.good_images, ImageStage.STAGED)
    return _accept(run, request, services), True


def check_sent(run: WorkflowRun) -> RunRequest:
    """Return what was asked for, of a run that has left images on the cluster.

    Raises
    ------
    UsageError
        If it is none.
    """
    sent = RunRequest.from_json(run.request)
    if sent.errand is None or sent.errand.goal is not Goal.IMAGES:
        raise UsageError(f"run {run.run_id[:8]} has left no images on the cluster: it is no image transfer")
    if run.status is not RunStatus.DONE:
        raise UsageError(f"the images of run {run.run_id[:8]} are not there: it is {run.status.value}")
    return sent


def accept_errand_run(
    request: RunRequest, run_id: RunId, services: Services, *, name: str, about: str
) -> RunId:
    """Record a run, which is called by its name in sentences."""
    return _accept(_new(request, run_id, name=name, about=about), request, services)


def sent_images(text: str, user: OmeroUser, services: Services, *, server: str) -> WorkflowRun:
    """Return the run that has sent images, by the name of their folder, or as `own_run`.

    Raises
    ------
    UnknownRunError
        If there is none.
    """
    wanted = text.strip()
    named: WorkflowRun | None = None
    for run in each_own_run(user, services, server=server, name=_TRANSFER):
        errand = (run.request or {}).get("errand") or {}
        if errand.get("goal") == Goal.IMAGES.value and errand["folder"] == wanted:
            # one that failed may have wanted a name that another one's images have
            if run.status is RunStatus.DONE:
                return run
            named = named or run
    if named is not None:
        return named
    try:
        return own_run(wanted, user, services, server=server)
    except UnknownRunError as exc:
        raise UnknownRunError(f"you have no images on a cluster in a folder {wanted[:40]!r}") from exc


def _new(request: RunRequest, run_id: RunId, *, name: str, about: str) -> WorkflowRun:
    omero = request.omero
    assert omero is not None  # noqa: S101 - only images of OMERO are sent
    run = WorkflowRun.with_id(run_id, name=name, description=about, user=omero.user_id, group=omero.group_id)
    run.accept(request.to_json())
    return run


def _accept(run: WorkflowRun, request: RunRequest, services: Services) -> RunId:
    queued = place_of(run, host=services.home)
    assert queued is not None  # noqa: S101 - it has just been asked for
    services.queue.add(queued, run)
    claim_results_folder(request.results, run.run_id)
    return run.run_id
