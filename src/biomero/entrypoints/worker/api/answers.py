"""Answers, as JSON has them: what a form needs of workflows, and what people want to know of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from biomero.application.describe_run import describe_run
from biomero.application.doctor.findings import Finding, Level
from biomero.application.follow_run import update_from
from biomero.application.offer_workflows import OfferedWorkflow, shown_version
from biomero.application.run_record import RunRecord
from biomero.application.tell_run import share_done, tell_run
from biomero.domain.command_line import needs_attachment
from biomero.domain.descriptor import Parameter
from biomero.domain.workflow_run import WorkflowRun


def workflow_answer(offered: OfferedWorkflow) -> dict[str, Any]:
    """Return a workflow as a form shows it."""
    found = offered.workflow
    if found is None:
        return {"name": offered.name, "error": offered.why_not}
    descriptor = found.descriptor
    return {
        "name": offered.name,
        "title": descriptor.name,
        "description": descriptor.description,
        "versions": [shown_version(found)],
        "takes_zarr": descriptor.takes_zarr,
        "parameters": [_parameter(parameter) for parameter in descriptor.user_parameters],
        "files": [
            {
                "id": parameter.id,
                "name": parameter.name,
                "description": parameter.description,
                "formats": list(parameter.formats),
                "several": parameter.is_folder,
                "required": needs_attachment(descriptor, parameter),
            }
            for parameter in descriptor.attachable_inputs
        ],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "id": parameter.id,
        "type": parameter.type.value,
        "name": parameter.name,
        "description": parameter.description,
        "default": parameter.default,
        "optional": parameter.optional,
        "choices": [choice.value for choice in parameter.choices],
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }


def run_answer(run: WorkflowRun, record: RunRecord, *, waits_for: str | None) -> dict[str, Any]:
    """Return how a run stands."""
    document = describe_run(record, run.run_id)
    plain = document.to_dict()
    update = update_from(run)
    done, total = share_done(document)
    return {
        **{
            key: plain[key]
            for key in (
                "id",
                "status",
                "workflow",
                "cluster",
                "user",
                "times",
                "objects",
                "results_at",
                "images_at",
            )
        },
        "is_final": document.status.is_final,
        "is_success": document.status.is_success,
        "sentence": tell_run(document, waits_for=waits_for),
        "waits_for": waits_for,
        "progress": {
            "message": update.message,
            "done": update.done,
            "total": update.total,
            "unit": update.unit,
            "images_done": done,
            "images": total,
        },
        "problems": plain["problems"],
        "failure": plain["failure"],
    }


def check_answer(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return what an examination found; what is well is only counted."""
    return {
        "ok": not any(finding.level is Level.PROBLEM for finding in findings),
        "counts": {level.value: sum(f.level is level for f in findings) for level in Level},
        "findings": [
            {
                "code": f.code,
                "level": f.level.value,
                "cluster": f.cluster,
                "subject": f.subject,
                "message": f.message,
                "remedy": f.remedy,
            }
            for f in findings
            if f.level in {Level.WARNING, Level.PROBLEM}
        ],
    }
