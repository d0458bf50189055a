"""Names that OMERO scripts, the web plugin and dashboards share; see `biomero.application.script_names`."""

from __future__ import annotations

from biomero.application.script_names import (
    CLEANUP,
    CONVERSION_SCRIPT,
    FILE_TRANSFER_SCRIPT,
    IMAGE_EXPORT_SCRIPT,
    IMAGE_IMPORT_SCRIPT,
    LABELS_TO_ROIS_SCRIPT,
    QUALITATIVE_COLOR_SCHEME,
    RUN_WF_BATCHED_SCRIPT,
    RUN_WF_SCRIPT,
    conversion,
    file_transfer,
    resolve_workflow_color,
    results,
    schema_formats,
    slurm_env,
    transfer,
    workflow,
    workflow_batched,
    workflow_status,
)

__all__ = [
    "CLEANUP",
    "CONVERSION_SCRIPT",
    "FILE_TRANSFER_SCRIPT",
    "IMAGE_EXPORT_SCRIPT",
    "IMAGE_IMPORT_SCRIPT",
    "LABELS_TO_ROIS_SCRIPT",
    "QUALITATIVE_COLOR_SCHEME",
    "RUN_WF_BATCHED_SCRIPT",
    "RUN_WF_SCRIPT",
    "conversion",
    "file_transfer",
    "resolve_workflow_color",
    "results",
    "schema_formats",
    "slurm_env",
    "transfer",
    "workflow",
    "workflow_batched",
    "workflow_status",
]
