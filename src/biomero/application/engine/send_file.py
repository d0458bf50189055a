"""Step: an attached file of OMERO beside images that an earlier run has left on the cluster."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd, StepFailedError
from biomero.application.engine.find_results import is_there
from biomero.application.engine.place import on_to
from biomero.application.engine.stage_files import send_attached
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.run_status import RunStatus


def send_file(context: StepContext) -> StepEnd:
    """Send the file; doing it again changes nothing, and what is half sent has another name.

    Raises
    ------
    StepFailedError
        If the images are gone.
    OmeroObjectError
        If the file is gone, or is another one than it was when it was asked for.
    """
    context.go_to(RunStatus.STAGING, "looking for the images")
    folder = context.source_folder
    if not is_there(context, folder.input):
        raise StepFailedError(
            Failure(
                failure_class=FailureClass.DATA,
                message=f"{folder.input} is gone from {context.cluster.settings.name}",
                advice="Send the images again.",
            )
        )
    context.workspace.mkdir(parents=True, exist_ok=True)
    for left in context.workspace.glob("file-*"):
        shutil.rmtree(left, ignore_errors=True)
    here = Path(tempfile.mkdtemp(prefix="file-", dir=context.workspace))
    try:
        send_attached(context, here, below=folder)
    finally:
        shutil.rmtree(here, ignore_errors=True)
    return StepEnd(move=on_to(names.SETTLE))
