"""Where results come from, as pairs of key and value in the namespaces that BIOMERO's users know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from biomero.application.run_document import RunDocument

Maps = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Pairs by namespace."""

WORKFLOW = "biomero/workflow"
TASK = f"{WORKFLOW}/task"
_LONGEST = 4000
"""Characters of a value that people can still look at, and that OMERO's clients show."""


def provenance(
    document: RunDocument, *, input_data: Sequence[str], files: Mapping[str, Sequence[str]] | None = None
) -> Maps:
    """Return everything that says how results were made: workflow, container, parameters and jobs.

    What was chosen, or attached, is told whole, in further pairs (``Input_Data_2``) where it is much. A
    parameter without a value is told, too; one that is too long says that it is cut.

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
        *_listed("Input_Data", input_data),
        *(pair for name, texts in (files or {}).items() for pair in _listed(f"File_{name}", texts)),
    ]
    parameters = [(f"Param_{name}", _short(str(value))) for name, value in document.parameters.items()]
    job = [
        (f"Job_{number}", f"{record.step}: job {record.job_id} at {record.cluster}")
        for number, record in enumerate((j for j in document.jobs if j.job_id is not None), start=1)
    ]
    maps = [
        (WORKFLOW, _known(run)),
        (f"{TASK}/{workflow.name}", [*_known(task), *parameters]),
        (f"{TASK}/{workflow.name}/job", _known(job)),
    ]
    return [(namespace, pairs) for namespace, pairs in maps if pairs]


def _known(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(key, _short(value)) for key, value in pairs if value]


def _listed(key: str, entries: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs with all entries, none of them in two parts, the later pairs with a number in their key."""
    number, value = 1, ""
    for entry in entries:
        if value and len(value) + len(entry) + 2 > _LONGEST:
            yield (key if number == 1 else f"{key}_{number}"), value
            number, value = number + 1, ""
        value = f"{value}, {entry}" if value else entry
    if value:
        yield (key if number == 1 else f"{key}_{number}"), value


def _short(value: str) -> str:
    """Return a value as it is; where it is too long, its beginning and that it is cut."""
    if len(value) <= _LONGEST:
        return value
    return f"{value[:_LONGEST]}... (cut, {len(value)} characters)"
