"""Where results come from, as pairs of key and value in the namespaces that BIOMERO's users know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from biomero.application.run_document import RunDocument

Maps = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Pairs by namespace."""

WORKFLOW = "biomero/workflow"
TASK = f"{WORKFLOW}/task"
_LONGEST = 4000


def provenance(document: RunDocument, *, input_data: str, files: Mapping[str, str] | None = None) -> Maps:
    """Return everything that says how results were made: workflow, container, parameters and jobs.

    Parameters
    ----------
    input_data
        What was chosen: ``Dataset:7``.
    files
        What was attached to further inputs, by the input's id: ``FileAnnotation:12 (settings.csv)``.
    """
    workflow = document.workflow
    run = [
        ("Workflow_ID", document.id),
        ("Name", workflow.name),
        ("Version", workflow.version),
        ("Created_On", document.times.created.isoformat()),
    ]
    task = [
        ("Workflow_ID", document.id),
        ("Workflow_Name", workflow.name),
        ("Name", workflow.name),
        ("Version", workflow.version),
        ("Reference", workflow.reference),
        ("Container_Image", workflow.container_image or ""),
        ("Container_Identity", workflow.container_identity or ""),
        ("Input_Data", input_data),
        *((f"File_{name}", text) for name, text in (files or {}).items()),
        *((f"Param_{name}", str(value)) for name, value in document.parameters.items()),
    ]
    job = [
        (f"Job_{number}", f"{record.step}: job {record.job_id} at {record.cluster}")
        for number, record in enumerate((j for j in document.jobs if j.job_id is not None), start=1)
    ]
    maps = [(WORKFLOW, run), (f"{TASK}/{workflow.name}", task), (f"{TASK}/{workflow.name}/job", job)]
    return [(namespace, [(k, v[:_LONGEST]) for k, v in pairs if v]) for namespace, pairs in maps if pairs]
