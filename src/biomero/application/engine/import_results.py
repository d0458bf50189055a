"""Step: results into OMERO, and how the run ended."""

from __future__ import annotations

from collections.abc import Collection

from biomero.application.describe_run import describe_run, output_from_json
from biomero.application.engine import names
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.find_results import results_of_earlier
from biomero.application.engine.place import on_to
from biomero.application.import_attachments import parents_of
from biomero.application.import_objects import Imported, ImportObjects, MadeObject
from biomero.application.omero_images import writing_for
from biomero.application.omero_request import OmeroWishes
from biomero.application.other_wishes import OtherWishes, touched_by
from biomero.application.ports.progress import RunUpdate
from biomero.application.record_json import safe_text
from biomero.application.run_provenance import provenance
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun


def import_results(context: StepContext) -> StepEnd:
    """Make in OMERO what was wished of the results, as the user; what is there already is left as it is."""
    context.go_to(RunStatus.IMPORTING, "into OMERO")
    stays = _stays(context.run)
    imported = _import(context, without={made["output"] for made in stays})
    made = map(_to_json, imported.objects)
    objects = [*stays, *(one for one in made if one not in stays)]
    delivered = [image.index for image in context.good_images]

    def record(run: WorkflowRun) -> None:
        run.make_objects(objects, [safe_text(problem) for problem in imported.problems])
        run.place_results([str(place) for place in imported.places])
        run.advance_images(delivered, ImageStage.DELIVERED)
        run.complete()

    return StepEnd(move=on_to(names.TIDY), decide=record)


def _stays(run: WorkflowRun) -> list[Json]:
    """Return what earlier rounds made of results that this round is not about."""
    if run.asked is None:
        return []
    asked = set(run.asked)
    kept = {output["path"] for output in run.outputs if output["image"] not in asked}
    return [made for made in run.objects if made["output"] in kept or not made["output"]]


def _import(context: StepContext, *, without: Collection[str]) -> Imported:
    request, errand = context.request.omero, context.errand
    assert request is not None  # noqa: S101 - only runs from OMERO come to this step
    # what is made of an earlier run's results is that run's: it is never made a second time
    maker = context.run_id if errand is None or errand.earlier is None else errand.earlier
    document = describe_run(context.services.record, maker)
    outputs = [output_from_json(output) for output in context.run.outputs]

    def show(done: int, total: int) -> None:
        context.check_wishes()
        context.listener.show(
            RunUpdate(status=RunStatus.IMPORTING, message="into OMERO", done=done, total=total)
        )

    with writing_for(request, context.services) as writer:
        return ImportObjects(
            run_id=maker,
            workflow=document.workflow.name,
            request=request,
            results=results_of_earlier(context) if errand and errand.is_here else context.request.results,
            files=context.services.images,
            tables=context.services.tables,
            writer=writer,
            maps=provenance(
                document,
                input_data=[str(chosen) for chosen in request.chosen],
                files={name: [str(f.file) for f in files] for name, files in request.files.items()},
            ),
            stems=[image.name for image in context.request.images],
            on_output=show,
            earlier=[output for output in outputs if output.path in without],
            round=context.run.round if errand is None else errand.round,
            others=None if errand is None else _others(context, maker),
        ).run([output for output in outputs if output.path not in without])


def _others(context: StepContext, maker: RunId) -> OtherWishes:
    run = context.services.record.get(maker)
    request = RunRequest.from_json(run.request).omero
    errand = context.errand
    return OtherWishes(
        before=OmeroWishes() if request is None else request.wishes,
        described=frozenset() if request is None else touched_by(run, request, parents_of(request.images)),
        mark=context.run_id if errand is not None and errand.makes_anew else "",
    )


def _to_json(made: MadeObject) -> Json:
    return {"output": made.output, "kind": made.ref.kind.value, "id": made.ref.id, "rois": made.rois}
