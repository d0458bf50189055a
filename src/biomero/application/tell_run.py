"""How a run stands, in sentences for those who asked for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from biomero.application.run_document import ImageRecord, ObjectRecord, OutputKind, RunDocument
from biomero.domain.run_status import ImageStage, RunStatus, StageStatus

_UNDER_WAY = {
    RunStatus.SUBMITTED: "waits for a worker",
    RunStatus.EXPORTING: "reads the images",
    RunStatus.STAGING: "sends the images to the cluster",
    RunStatus.CONVERTING: "converts the images",
    RunStatus.QUEUED: "waits for its turn on the cluster",
    RunStatus.RUNNING: "is at work on the cluster",
    RunStatus.FETCHING: "fetches the results",
    RunStatus.IMPORTING: "puts the results into OMERO",
}
_WORDS = {"Image": "image", "Plate": "plate", "Table": "table", "FileAnnotation": "attachment"}
_MOST = 3


def tell_run(document: RunDocument, *, waits_for: str | None = None) -> str:
    """Return one or a few sentences."""
    name, run = document.workflow.name, f"run {document.id[:8]}"
    match document.status:
        case RunStatus.DONE:
            images = f": {_images(document.images)}" if document.images else ""
            return " ".join([f"{name} is done ({run}){images}.", *_made(document)])
        case RunStatus.FAILED:
            return f"{name} failed ({run}): {_why(document)}"
        case RunStatus.CANCELLED:
            return f"{name} was cancelled ({run})."
        case RunStatus.PAUSED:
            return f"{name} is paused ({run}) until somebody looks after it: {_why(document)}"
        case status:
            why = f" It waits: {waits_for}." if waits_for else ""
            return f"{name} {_UNDER_WAY[status]} ({run}).{why}"


def _images(images: Sequence[ImageRecord]) -> str:
    good = sum(image.failure is None for image in images)
    counted = [image.objects for image in images if image.objects is not None]
    objects = f", {sum(counted)} objects" if counted else ""
    text = f"{good} of {len(images)} images{objects}"
    failed = [image for image in images if image.failure is not None]
    for image in failed[:_MOST]:
        assert image.failure is not None  # noqa: S101 - chosen by it
        text += f"; {image.name}: {image.failure.message}"
    return f"{text}; and {len(failed) - _MOST} more" if len(failed) > _MOST else text


def _made(document: RunDocument) -> list[str]:
    told = []
    if document.images_at is not None:
        told.append(
            f"What was sent is on {document.cluster}: {document.images_at}. It stays there until somebody "
            "removes it (biomero cluster clean)."
        )
    if document.objects:
        told.append(f"In OMERO: {_objects(document.objects)}{_elsewhere(document)}.")
    elif any(output.kind is not OutputKind.ZARR for output in document.outputs):
        told.append(f"{len(document.outputs)} files of results were written.")
    told += [f"Note: {problem}." for problem in document.problems[:_MOST]]
    if len(document.problems) > _MOST:
        told.append(f"And {len(document.problems) - _MOST} more notes.")
    return told


def _objects(objects: Sequence[ObjectRecord]) -> str:
    """Name datasets and screens that were made, and count the rest."""
    rois = sum(made.rois for made in objects)
    on = len({made.id for made in objects if made.rois})
    named = {"Dataset", "Screen"}
    containers = [f"{made.kind}:{made.id}" for made in objects if made.kind in named]
    counts = Counter(made.kind for made in objects if not made.rois and made.kind not in named)
    parts = [*containers, *(_count(count, _WORDS.get(kind, kind)) for kind, count in counts.items())]
    return ", ".join([*parts, *([f"{_count(rois, 'ROI')} on {_count(on, 'image')}"] if rois else [])])


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _elsewhere(document: RunDocument) -> str:
    """Name what results are at, where that is not among what was made."""
    made = {f"{one.kind}:{one.id}" for one in document.objects if not one.rois}
    places = [place for place in document.results_at if place not in made]
    return f", at {', '.join(places)}" if places else ""


def _why(document: RunDocument) -> str:
    if document.failure is not None:
        return _sentence(document.failure.message)
    failed = [image for image in document.images if image.failure is not None]
    if failed and failed[0].failure is not None:
        return _sentence(f"{failed[0].name}: {failed[0].failure.message}")
    return _sentence(document.problems[0] if document.problems else "somebody wanted it")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def share_done(document: RunDocument) -> tuple[int, int]:
    """Return how many images have come to their end, and of how many."""
    done = sum(
        image.failure is not None or image.stages.get(ImageStage.DELIVERED) is StageStatus.DONE
        for image in document.images
    )
    return done, len(document.images)
