"""An order for a workflow in which nothing is wrong that can be known before anything is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from biomero.application.ports.workflows import Workflow
from biomero.application.script_api.session import DataFolder
from biomero.application.settings import WorkflowSettings
from biomero.domain.descriptor import ParameterValue
from biomero.domain.ids import JobKey


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOrder:
    """What a job script is made of.

    Parameters
    ----------
    own
        What the facility says of the workflow.
    values
        As `check_parameters` returns them.
    attachments
        By input, the place of what was attached.
    gpu
        The job is to have a GPU.
    """

    key: JobKey
    folder: DataFolder
    workflow: Workflow
    own: WorkflowSettings
    version: str
    values: Mapping[str, ParameterValue]
    attachments: Mapping[str, str]
    gpu: bool
