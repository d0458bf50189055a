"""Runs as people read them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.run_document import ImageRecord, JobRecord, ObjectRecord, RunDocument
from biomero.domain.failure import Failure
from biomero.domain.run_status import RunStatus
from biomero.entrypoints.cli.exits import printable

_COLOURS = {
    RunStatus.DONE: "green",
    RunStatus.FAILED: "red",
    RunStatus.CANCELLED: "yellow",
    RunStatus.PAUSED: "yellow",
}


def _text(value: object) -> str:
    return escape(printable(str(value)))


def _status(status: RunStatus) -> str:
    colour = _COLOURS.get(status, "cyan")
    return f"[{colour}]{status.value}[/{colour}]"


def print_runs(documents: Sequence[RunDocument]) -> None:
    """Print a table of runs."""
    table = Table(box=None, header_style="bold")
    for column in ("id", "status", "workflow", "images", "cluster", "asked for"):
        table.add_column(column, no_wrap=column in {"id", "status"})
    for run in documents:
        created = run.times.created.astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(
            run.id[:8],
            _status(run.status),
            _text(run.workflow.name),
            str(len(run.images)),
            _text(run.cluster),
            created,
        )
    Console().print(table)


def print_outcome(document: RunDocument, *, results: object) -> None:
    """Print what came out of a run, image by image, and where it is."""
    console = Console(highlight=False)
    for image in document.images:
        console.print(_image_line(image), soft_wrap=True)
    for problem in document.problems:
        console.print(f"[yellow]note[/yellow]  {_text(problem)}", soft_wrap=True)
    for made in document.objects:
        console.print(f"OMERO  {_text(_object_line(made))}", soft_wrap=True)
    console.print(f"{_status(document.status)}  run {document.id}", soft_wrap=True)
    if document.failure is not None:
        _print_failure(console, document.failure)
    if results is not None:
        console.print(f"report: {_text(results)}/report.html", soft_wrap=True)


def _object_line(made: ObjectRecord) -> str:
    where = f"{made.kind}:{made.id}"
    what = f"{made.rois} ROIs on {where}" if made.rois else where
    return f"{what}  of {made.output}" if made.output else what


def print_run(document: RunDocument, *, results: object, waits_for: str | None = None) -> None:
    """Print everything that matters of one run."""
    console = Console(highlight=False)
    console.print(f"run {document.id}  {_status(document.status)}", soft_wrap=True)
    if waits_for is not None:
        console.print(f"[yellow]waits[/yellow]  {_text(waits_for)}", soft_wrap=True)
    workflow = document.workflow
    if workflow.runtime is None:
        how = "by a script"
    else:
        how = f"({_text(workflow.version[:20])}) by {_text(workflow.runtime)}, on {_text(document.cluster)}"
    console.print(
        f"workflow {_text(workflow.name)} {how}, for {_text(document.user) or 'unknown'}", soft_wrap=True
    )
    values = ", ".join(f"{_text(k)}={_text(v)}" for k, v in document.parameters.items())
    console.print(f"parameters {values or 'none'}", soft_wrap=True)
    for step in document.times.steps:
        spent = "…" if step.seconds is None else f"{step.seconds:.1f} s"
        console.print(f"  {step.name:<12}{spent:>10}")
    for image in document.images:
        console.print(_image_line(image), soft_wrap=True)
    for job in document.jobs:
        _print_job(console, job)
    if document.failure is not None:
        _print_failure(console, document.failure)
    for problem in document.problems:
        console.print(f"[yellow]note[/yellow]  {_text(problem)}", soft_wrap=True)
    if results is not None:
        console.print(f"results: {_text(results)}", soft_wrap=True)


def _image_line(image: ImageRecord) -> str:
    if image.failure is not None:
        return f"[red]failed[/red]  {_text(image.name)}: {_text(image.failure.message)}"
    stages = [stage.value for stage in image.stages]
    found = "" if image.objects is None else f": {image.objects} objects"
    return f"{stages[-1] if stages else 'waiting'}  {_text(image.name)}{found}"


def _print_job(console: Console, job: JobRecord) -> None:
    console.print(f"job {job.job_id or '-'} ({job.step})", soft_wrap=True)
    for task in job.tasks:
        index = "" if task.index is None else f"[{task.index}] "
        ended = "" if task.exit_code is None else f" exit {task.exit_code}:{task.signal or 0}"
        used = "" if task.usage.elapsed_s is None else f", {task.usage.elapsed_s} s"
        memory = "" if task.usage.max_memory_mb is None else f", {task.usage.max_memory_mb:.0f} MB"
        reason = f" ({_text(task.reason)})" if task.reason else ""
        console.print(f"  {escape(index)}{task.state.text}{reason}{ended}{used}{memory}", soft_wrap=True)


def _print_failure(console: Console, failure: Failure) -> None:
    console.print(f"[red]{failure.failure_class.value}[/red]: {_text(failure.message)}", soft_wrap=True)
    for line in failure.log_tail[-10:]:
        console.print(f"  | {_text(line)}", soft_wrap=True)
    console.print(f"what to do: {_text(failure.advice)}", soft_wrap=True)
