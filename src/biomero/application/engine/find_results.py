"""Step: looks whether the results of an earlier run, which are to be put into OMERO once more, are there."""

from __future__ import annotations

from pathlib import Path

from biomero.application.describe_run import output_from_json
from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd, StepFailedError
from biomero.application.engine.place import on_to
from biomero.application.errand import Errand
from biomero.application.record_json import as_on_disk
from biomero.application.results_folder import fingerprint
from biomero.application.run_document import OutputKind
from biomero.application.run_request import RunRequest
from biomero.domain.failure import Failure, FailureClass
from biomero.domain.ids import RunId
from biomero.domain.run_status import RunStatus
from biomero.errors import RemoteCommandError

_ABSENT = 4
_LOOK = f'if [ -d "$1" ]; then exit 0; elif [ -d "${{1%/runs/*}}" ]; then exit {_ABSENT}; else exit 1; fi'
"""A folder of runs that is not there itself says that the file system is away, not that results are gone."""


def find_results(context: StepContext) -> StepEnd:
    """Go on with the results that are here, or fetch those that are still on the cluster.

    Raises
    ------
    StepFailedError
        If they are gone, or are not what the earlier run brought.
    RemoteCommandError
        If nobody can say.
    """
    errand = context.errand
    assert errand is not None  # noqa: S101 - only such runs come here
    if errand.is_here:
        context.go_to(RunStatus.IMPORTING, "looking at the results")
        _check_here(context, errand, results_of_earlier(context))
        return StepEnd(move=on_to(names.IMPORT))
    context.go_to(RunStatus.FETCHING, "looking for the results")
    folder = context.source_folder.output
    if not is_there(context, folder):
        raise _gone(f"{folder} is gone from {context.cluster.settings.name}", errand.earlier)
    return StepEnd(move=on_to(names.FETCH))


def is_there(context: StepContext, folder: str) -> bool:
    """Say whether a folder of an earlier run is on the cluster.

    Raises
    ------
    RemoteCommandError
        If nobody can say.
    """
    looked = context.cluster.shell.run(("sh", "-c", _LOOK, "sh", folder))
    if not looked.ok and looked.exit_status != _ABSENT:
        raise RemoteCommandError(f"{folder} cannot be looked at: {looked.stderr.strip()}")
    return looked.ok


def results_of_earlier(context: StepContext) -> Path:
    """Return the folder in which an earlier run has its results on this machine."""
    errand = context.errand
    assert errand is not None  # noqa: S101 - as above
    assert errand.earlier is not None  # noqa: S101 - as above
    return RunRequest.from_json(context.services.record.get(errand.earlier).request).results


def _check_here(context: StepContext, errand: Errand, results: Path) -> None:
    for output in map(output_from_json, context.run.outputs):
        context.check_wishes()
        path = results / as_on_disk(output.path)
        if output.kind is OutputKind.ZARR:  # nothing is made of it
            continue
        if not path.exists():
            raise _gone(f"{path} is gone", errand.earlier)
        if fingerprint(path) != (output.sha256, output.size):
            raise _gone(f"{path} is not what the run brought", errand.earlier)


def _gone(what: str, earlier: RunId | None) -> StepFailedError:
    return StepFailedError(
        Failure(
            failure_class=FailureClass.DATA,
            message=f"{what}, so that results of run {earlier} cannot be put into OMERO from there",
            advice="Run the workflow again.",
        )
    )
