"""The page about a run, from its document and the pictures in its results folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from biomero.adapters.report import wording
from biomero.adapters.report.pictures import thumbnail
from biomero.adapters.report.timeline import ROW, bars
from biomero.application.run_document import ImageRecord, JobRecord, OutputKind, OutputRecord, RunDocument
from biomero.domain.job import TaskReport
from biomero.domain.run_status import ImageStage, RunStatus, StageStatus

_FEW, _EDGE_OF_FEW, _EDGE_OF_MANY = 60, 480, 240
"""The page of a run of many images gets smaller pictures, so that it stays below some 10 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """An image as the page shows it."""

    record: ImageRecord
    status: str
    stages: tuple[tuple[str, str], ...]
    picture: str | None
    overlay: OutputRecord | None
    outputs: tuple[OutputRecord, ...]


def render_page(document: RunDocument, results: Path) -> str:
    """Return the page; it is shown by any browser, with no script and no request."""
    drawn = bars(document.times)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=document,
            cards=_cards(document, results),
            failed_images=sum(1 for image in document.images if image.failure),
            objects=_objects(document),
            status_class=_status_class(document.status),
            tasks=[row for job in document.jobs for row in _tasks(job)],
            idle_jobs=[job for job in document.jobs if not job.tasks],
            bars=drawn,
            timeline_height=len(drawn) * ROW,
            row=ROW,
            total_seconds=_total_seconds(document),
        )
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("biomero.adapters.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "duration": wording.duration,
        "size": wording.size,
        "time": wording.time,
        "link": wording.link,
        "task_class": _task_class,
    }
    return environment


def _shown(value: object) -> object:
    """Every string that the page shows goes through here; templates and styles are no such strings."""
    return wording.visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cards(document: RunDocument, results: Path) -> list[Card]:
    edge = _EDGE_OF_FEW if len(document.images) <= _FEW else _EDGE_OF_MANY
    cards = []
    for image in document.images:
        outputs = tuple(output for output in document.outputs if output.image == image.index)
        overlay = next((output for output in outputs if output.kind is OutputKind.OVERLAY), None)
        cards.append(
            Card(
                record=image,
                status=_image_status(image),
                stages=tuple(
                    (stage.value, image.stages.get(stage, StageStatus.PENDING).value) for stage in ImageStage
                ),
                picture=thumbnail(results / overlay.path, edge=edge) if overlay else None,
                overlay=overlay,
                outputs=tuple(output for output in outputs if output is not overlay),
            )
        )
    return cards


def _tasks(job: JobRecord) -> list[tuple[JobRecord, TaskReport, str | None]]:
    """Return the job's tasks, each with its log where it is known which one that is."""
    logs = job.logs if len(job.logs) == len(job.tasks) else (None,) * len(job.tasks)
    return [(job, task, log) for task, log in zip(job.tasks, logs, strict=True)]


def _image_status(image: ImageRecord) -> str:
    reached = {image.stages.get(stage, StageStatus.PENDING) for stage in ImageStage}
    if image.failure or StageStatus.FAILED in reached:
        return "failed"
    return "done" if reached <= {StageStatus.DONE, StageStatus.SKIPPED} else "open"


def _status_class(status: RunStatus) -> str:
    if status.is_success:
        return "done"
    return "failed" if status in {RunStatus.FAILED, RunStatus.CANCELLED} else "open"


def _task_class(task: TaskReport) -> str:
    if task.state.is_success:
        return "done"
    return "failed" if task.state.is_final else "open"


def _objects(document: RunDocument) -> int | None:
    """Return how many objects there are in the images that came through, as the report shows them."""
    counts = [
        image.objects for image in document.images if image.objects is not None and image.failure is None
    ]
    return sum(counts) if counts else None


def _total_seconds(document: RunDocument) -> float | None:
    finished = document.times.finished
    return (finished - document.times.created).total_seconds() if finished else None
