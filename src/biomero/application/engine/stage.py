"""Step: images to OME-Zarr and to the cluster, in one stream."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.convert import after_conversion
from biomero.application.engine.place import on_to
from biomero.application.engine.plates import has_plates, send_plates
from biomero.application.engine.stage_files import has_attached, send_attached
from biomero.application.hash_source import hash_source
from biomero.application.omero_images import images_of
from biomero.application.ports.image_source import ImageSource
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.pyramids import PyramidSettings
from biomero.application.ports.run_queue import GoOn
from biomero.application.ports.transfer import FileToSend
from biomero.application.record_json import failure_to_json
from biomero.application.run_request import RequestedImage
from biomero.domain.classify_failure import failure_of
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import ImageReadError, OmeroObjectError

_SLICE = timedelta(minutes=2)


def stage_images(context: StepContext) -> StepEnd:
    """Export every image and send it on, and send what the user attached.

    Each image is written here as OME-Zarr just before it goes, and removed when it has gone: the local
    disk holds one image at a time. They go in one stream, so that their number costs the cluster nothing.
    After two minutes the run makes room for others and goes on with the rest when it is its turn: what came
    so far is on record, and not sent again whatever happens. An image that cannot be read is left behind
    with its reason.
    """
    stages = context.run.stages
    good = context.good_images
    waiting = [i for i in good if stages[i.index] in {None, ImageStage.EXPORTED}]
    # also without any: the last one may have failed, and the worker died before the rest was sent
    if not waiting and not has_attached(context) and not has_plates(context):
        return StepEnd(move=_next(context))
    context.workspace.mkdir(parents=True, exist_ok=True)
    for left in context.workspace.glob("export-*"):
        shutil.rmtree(left, ignore_errors=True)
    # a folder of its own: who lost this run to us, and does not know yet, tidies up after itself
    exports = Path(tempfile.mkdtemp(prefix="export-", dir=context.workspace))
    folder = context.folder
    images = folder.input if context.takes_zarr else folder.zarr
    # what is half sent when a worker dies lies in the folder that is sent to: workflows read another one
    below = images.removeprefix(f"{folder.base}/")
    try:
        came = _send_images(context, waiting, exports, below) if waiting else []
        if len(came) < len(waiting):
            return StepEnd(move=on_to(names.STAGE), decide=_staged(came))
        send_plates(context, exports, below)
        send_attached(context, exports)
    finally:
        shutil.rmtree(exports, ignore_errors=True)
    return StepEnd(move=_next(context), decide=_staged(came))


def _next(context: StepContext) -> GoOn:
    """Leave out the conversion where there is none: at that step, runs may have to wait for their turn."""
    return on_to(after_conversion(context) if context.takes_zarr else names.CONVERT)


def _send_images(context: StepContext, waiting: list[RequestedImage], exports: Path, below: str) -> list[int]:
    """Send images until the time is up; return those that had their turn."""
    with images_of(context.request, context.services) as sources:
        stream = _Exports(
            context=context,
            sources=sources,
            waiting=waiting,
            folder=exports,
            below=below,
            before=len(context.good_images) - len(waiting),
        )
        context.cluster.transfer.upload(stream.files(), context.folder.base, progress=stream.sent)
    return [image.index for image in waiting[: stream.done]]


class _Exports:
    """Writes images one by one, as fast as the stream takes them, until its time is up.

    Parameters
    ----------
    below
        Where images go in the run's folder.
    before
        How many images went before these.

    Attributes
    ----------
    done
        How many of the images had their turn.
    """

    def __init__(
        self,
        *,
        context: StepContext,
        sources: ImageSource,
        waiting: list[RequestedImage],
        folder: Path,
        below: str,
        before: int,
    ) -> None:
        self.done = 0
        self._context = context
        self._sources = sources
        self._waiting = waiting
        self._folder = folder
        self._below = below
        self._before = before
        self._bytes = 0
        self._places = context.places()

    def files(self) -> Iterator[FileToSend]:
        """Yield each image when it is written; remove it when the next one is asked for."""
        clock = self._context.services.clock
        began = clock.now()
        for image in self._waiting:
            if self.done and clock.now() - began >= _SLICE:
                return
            self._context.check_wishes()
            path = self._folder / f"{image.name}.ome.zarr"
            if self._written(image, path):
                self._context.change(lambda run: run.advance(RunStatus.STAGING))
                place = self._places[image.index] + image.staged_name
                yield FileToSend(path=path, name=f"{self._below}/{place}")
                shutil.rmtree(path, ignore_errors=True)
            self.done += 1

    def sent(self, count: int) -> None:
        """Count bytes that went."""
        self._bytes += count
        self._show(RunStatus.STAGING, f"{self._bytes / 1e6:.0f} MB sent")

    def _written(self, image: RequestedImage, path: Path) -> bool:
        context = self._context
        self._show(RunStatus.EXPORTING, f"writing {image.name}")
        settings = PyramidSettings(version=context.request.zarr_version)
        try:
            # what is in OMERO is known by what was read there: its originals may be out of reach
            digest = None if context.request.omero else hash_source(image.path)
            with self._sources.open(image.path, index=image.series) as opened:
                context.services.pyramids.write(opened, path, settings)
            digest = digest or hash_source(path)
        except (ImageReadError, OmeroObjectError) as exc:
            failures = {image.index: failure_to_json(failure_of(exc))}
            context.change(_failing(failures))
            if context.request.on_error == "stop":
                raise
            return False

        def record(run: WorkflowRun) -> None:
            run.hash_image(image.index, digest)
            run.advance_images([image.index], ImageStage.EXPORTED)

        context.change(record)
        return True

    def _show(self, status: RunStatus, message: str) -> None:
        done, total = self._before + self.done, self._before + len(self._waiting)
        self._context.listener.show(RunUpdate(status=status, message=message, done=done, total=total))


def _staged(images: list[int]) -> Callable[[WorkflowRun], None]:
    def record(run: WorkflowRun) -> None:
        run.advance_images(images, ImageStage.STAGED)

    return record


def _failing(failures: dict[int, Json]) -> Callable[[WorkflowRun], None]:
    def record(run: WorkflowRun) -> None:
        run.fail_images(failures)

    return record
