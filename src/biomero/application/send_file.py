"""Use case: an attached file of OMERO beside images that were sent to a cluster."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from uuid import uuid4

from biomero.application.errand import Errand, Goal
from biomero.application.errand_runs import errand_with, next_errand, refuse_beside_another
from biomero.application.omero_images import reading_for
from biomero.application.omero_request import InputFile
from biomero.application.run_request import RunRequest, results_on_the_way
from biomero.application.send_images import accept_errand_run, check_sent
from biomero.application.services import Services
from biomero.domain.ids import RunId
from biomero.domain.input_files import name_files, why_not_taken
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import InputError

_SLOT = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOrder:
    """A file that somebody wants to have beside images.

    Parameters
    ----------
    annotation_id
        The file annotation's.
    slot
        A number; the file goes into ``p<slot>`` in the folder of the images.
    formats
        The suffixes that it may have, without a dot; any if empty.
    """

    annotation_id: int
    slot: str
    formats: Sequence[str] = ()


def send_attached_file(
    earlier: WorkflowRun,
    order: FileOrder,
    services: Services,
    *,
    key: str,
    requested_by: str,
    alone: AbstractContextManager[object] | None = None,
) -> tuple[RunId, bool]:
    """Accept that a file shall be sent, as a run of its own, and return it, and whether it is new.

    Parameters
    ----------
    alone
        As in `import_again`.

    Raises
    ------
    UsageError
        If there are no such images, or another file is on its way to them.
    InputError
        If the file is in another group than the images, or is of a format that was not allowed.
    OmeroObjectError
        If there is no such file, or the user may not see it.
    OmeroError
        If OMERO does not answer.
    """
    record = services.record
    if (same := errand_with(key, earlier.run_id, Goal.FILE, record)) is not None:
        return same, False
    sent = check_sent(earlier)
    if not _SLOT.fullmatch(order.slot):
        raise InputError(f"Param_Slot: wanted is a number of three digits at most, not {order.slot[:40]!r}")
    file = _file(sent, order, services)  # asks OMERO, which may take long: others need not wait
    omero = sent.omero
    assert omero is not None  # noqa: S101 - only images of OMERO are sent
    request = dataclasses.replace(
        sent,
        images=(),
        omero=dataclasses.replace(omero, images=(), files={f"p{int(order.slot)}": (file,)}),
        errand=Errand(goal=Goal.FILE, key=key, earlier=earlier.run_id, round=earlier.round),
        results=results_on_the_way(services.settings) / str(uuid4()),
        requested_by=requested_by,
    )
    with alone or nullcontext():
        if (same := errand_with(key, earlier.run_id, Goal.FILE, record)) is not None:
            return same, False
        refuse_beside_another(earlier, Goal.FILE, record)
        run_id = next_errand(earlier.run_id, Goal.FILE, record)
        about = f"{file.name} beside the images of run {earlier.run_id}."
        return accept_errand_run(request, run_id, services, name="File transfer", about=about), True


def _file(sent: RunRequest, order: FileOrder, services: Services) -> InputFile:
    omero = sent.omero
    assert omero is not None  # noqa: S101 - as above
    with reading_for(omero, services) as reader:
        (file,) = reader.files([order.annotation_id])
    if file.group_id != omero.group_id:
        raise InputError(
            f"{file} is in another group than the images, which are in {omero.group_name}; attach it to "
            "something there"
        )
    problem = why_not_taken(file, tuple(order.formats))
    if problem:
        raise InputError(f"Allowed_Formats: {problem}")
    return InputFile(file=file, name=name_files([file])[0])
