"""Step: everything that the jobs wrote, brought here and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomero.application.engine import names
from biomero.application.engine.analyse import STEP, places_of
from biomero.application.engine.attempts import attempts_of
from biomero.application.engine.await_outputs import await_outputs
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.jobs import submitted, task_of
from biomero.application.engine.place import on_to
from biomero.application.hash_source import hash_source
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.transfer import RemoteFile
from biomero.application.record_json import task_from_json
from biomero.application.results_folder import regular_files
from biomero.domain.run_status import RunStatus
from biomero.errors import TransferCorruptError

_LARGE_BYTES = 256 << 20


def fetch_results(context: StepContext) -> StepEnd:
    """Fetch outputs and logs, also those of a failed job: they are the evidence.

    Every file is checked against the hash that the cluster computed.

    Raises
    ------
    TransferCorruptError
        If what arrived is not what lies there; trying again helps.
    TransferError
        If something that a job wrote is not there.
    """
    context.go_to(RunStatus.FETCHING)
    submitted(context, context.newest_attempt(STEP))  # for the log
    fetch_logs(context)
    source, here = context.source_folder, outputs_of(context)
    outputs = source.output
    listed = await_outputs(
        context.cluster.shell,
        context.cluster.transfer,
        context.services.clock,
        folder=source.root,
        outputs=outputs,
        expected=_expected(context),
        check=context.check_wishes,
    )
    missing = [file for file in listed if not _is_here(here / file.name, file)]
    for file in missing:
        context.check_wishes()
        if file.size >= _LARGE_BYTES:  # one by one, so that a broken attempt goes on where it stopped
            target = here / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            context.cluster.transfer.download_file(f"{outputs}/{file.name}", target)
    small = [file for file in missing if file.size < _LARGE_BYTES]
    _compare(outputs, small, _fetch(context, outputs, small, here))
    _remove_others(here, {file.name for file in listed})
    return StepEnd(move=on_to(names.DELIVER))


def _expected(context: StepContext) -> dict[str, str]:
    """Return where the jobs list what they wrote: in each folder, the newest job that was to, if it did."""
    run, places_now = context.run, context.places()
    by_place: dict[str, str] = {}
    for attempt in attempts_of(run, context.request, STEP):
        if any(image.index not in places_now for image in attempt.images):
            continue  # of an earlier round
        key = attempt.key(run)
        tasks = tuple(task_from_json(task) for task in run.jobs.get(key, {}).get("tasks", []))
        places = places_of(context, attempt)
        for number, place in enumerate(places):
            task = task_of(tasks, number, len(places))
            by_place.pop(place, None)
            if task is not None and task.state.is_success:
                by_place[place] = key if len(places) == 1 else f"{key}.{number}"
    return {name: place for place, name in by_place.items()}


def fetch_logs(context: StepContext) -> list[Path]:
    """Fetch what the jobs printed so far, and return the local files.

    A log may grow while it is fetched, and so is not compared with its hash.
    """
    # jobs of a conversion have a folder of their own, though the images are in another
    folder = context.folder if context.run.jobs else context.source_folder
    logs, here = folder.logs, logs_of(context)
    listed = context.cluster.transfer.listing(logs)
    _fetch(context, logs, listed, here)
    return [here / file.name for file in listed]


def outputs_of(context: StepContext) -> Path:
    """Return the local folder for the outputs of the present round."""
    number = context.run.round
    return context.workspace / (f"out-{number + 1}" if number else "out")


def logs_of(context: StepContext) -> Path:
    """Return the local folder for logs."""
    return context.workspace / "logs"


def _remove_others(folder: Path, wanted: set[str]) -> None:
    """Remove what an earlier attempt has fetched, and a later one of the job has not written."""
    for file in list(regular_files(folder)) if folder.is_dir() else []:
        if file.relative_to(folder).as_posix() not in wanted:
            file.unlink()


def _is_here(path: Path, file: RemoteFile) -> bool:
    """Say whether an earlier attempt has brought the file already, whole."""
    return path.is_file() and path.stat().st_size == file.size and hash_source(path) == file.sha256


def _fetch(
    context: StepContext, folder: str, files: Sequence[RemoteFile], destination: Path
) -> list[RemoteFile]:
    if not files:
        return []
    total, arrived, status = sum(file.size for file in files), 0, context.run.status

    def progress(count: int) -> None:
        nonlocal arrived
        arrived += count
        context.listener.show(
            RunUpdate(status=status, message="fetching", done=arrived, total=total, unit="bytes")
        )

    wanted = [file.name for file in files]
    return context.cluster.transfer.download(folder, wanted, destination, progress=progress)


def _compare(folder: str, listed: Sequence[RemoteFile], fetched: Sequence[RemoteFile]) -> None:
    here = {file.name: file for file in fetched}
    for file in listed:
        if here.get(file.name) != file:
            raise TransferCorruptError(f"{folder}/{file.name} arrived with other content than it has there")
