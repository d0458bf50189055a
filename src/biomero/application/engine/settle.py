"""Images that stay on the cluster: the name of their folder, and the step by which their run ends."""

from __future__ import annotations

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd, StepFailedError
from biomero.application.engine.fetch import fetch_logs
from biomero.application.engine.place import on_to
from biomero.application.errand import Goal
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.run_status import ImageStage
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import RemoteCommandError

_TAKEN = 4
# A name whose folder is gone, by a cleaning, is free again.
_CLAIM = f"""
umask 077
mkdir -p -- "$1/images" && cd -- "$1/images" || exit 1
if [ "$(readlink -- "$2")" = "$3" ]; then exit 0; fi
if [ -e "$2" ]; then exit {_TAKEN}; fi
if [ -L "$2" ]; then rm -- "$2" || exit 1; fi
ln -s -- "$3" "$2" || {{ [ -e "$2" ] && exit {_TAKEN}; exit 1; }}
"""
_RELEASE = '[ "$(readlink -- "$1")" != "$2" ] || rm -- "$1"'


def claim_folder(context: StepContext) -> None:
    """Let the run's images be found under the name that was wished; doing it again changes nothing.

    Raises
    ------
    StepFailedError
        If another run's images have the name.
    RemoteCommandError
        If nobody can say.
    """
    errand = context.errand
    if errand is None or not errand.folder:
        return
    done = context.cluster.shell.run(
        ("sh", "-c", _CLAIM, "sh", context.find_root(), errand.folder, f"../runs/{context.run_id}/in")
    )
    if done.exit_status == _TAKEN:
        raise StepFailedError(
            Failure(
                failure_class=FailureClass.PARAMETER,
                message=f"the folder {errand.folder} is there already on "
                f"{context.cluster.settings.name}, with images of another run",
                advice="Choose another Folder_Name.",
            )
        )
    if not done.ok:
        raise RemoteCommandError(f"the folder {errand.folder} cannot be made: {done.stderr.strip()}")


def release_folder(context: StepContext) -> None:
    """Let others have the name, of a run that has left no images.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached.
    """
    errand = context.errand
    if errand is not None and errand.folder:
        root, target = context.find_root(), f"../runs/{context.run_id}/in"
        context.cluster.shell.run(("sh", "-c", _RELEASE, "sh", f"{root}/images/{errand.folder}", target))


def settle_images(context: StepContext) -> StepEnd:
    """Say where the images are; where none came so far, say why."""
    if context.run.jobs:
        fetch_logs(context)
    run = context.run
    good = [image.index for image in context.good_images]
    if not good and context.request.images:
        failures = [run.image_failures[i] for i in sorted(run.image_failures)]
        told = failures[0]
        return StepEnd(move=on_to(names.TIDY), decide=lambda run: run.fail(told))
    claim_folder(context)
    place = folder_of_images(context)

    def record(run: WorkflowRun) -> None:
        run.leave_images(place)
        run.advance_images(good, ImageStage.DELIVERED)
        run.complete()

    return StepEnd(move=on_to(names.TIDY), decide=record)


def folder_of_images(context: StepContext) -> str:
    """Return where the images are, by the name that the user gave it if there is one."""
    errand = context.errand
    if errand is not None and errand.folder:
        return f"{context.find_root()}/images/{errand.folder}"
    folder, omero = context.source_folder.input, context.request.omero
    if errand is None or errand.goal is not Goal.FILE or omero is None:
        return folder
    return ", ".join(f"{folder}/{slot}/{one.name}" for slot, files in omero.files.items() for one in files)
