"""Run a workflow on a data folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biomero.application.compose_command import compose_command
from biomero.application.ports.containers import PreparedProgram
from biomero.application.script_api.attachments import sort_values
from biomero.application.script_api.checked_order import CheckedOrder
from biomero.application.script_api.find_image import check_shipped, find_image
from biomero.application.script_api.hand_over import check_folder, hand_over, new_key
from biomero.application.script_api.job_resources import asked_by_caller, workflow_resources
from biomero.application.script_api.own_script import own_script
from biomero.application.script_api.session import ScriptSession
from biomero.application.script_api.submitted_job import SubmittedJob
from biomero.application.settings import ClusterSettings, WorkflowSettings
from biomero.domain.command_line import build_arguments
from biomero.domain.descriptor import ParameterType, ParameterValue
from biomero.domain.job_script import JobScript
from biomero.domain.parameters import check_parameters, read_value

_IS_FILLED = """
[ -n "$(ls -A -- "$1" 2>/dev/null)" ] && exit 0
echo "the workflow ended well, but wrote nothing to $1" >&2
exit 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowOrder:
    """What a script asks for, unchecked.

    Parameters
    ----------
    data
        The name of the data folder.
    email, time
        For ``--mail-user`` and ``--time``; ``None`` leaves them to the settings.
    values
        By name: parameters, folders of attached files, and ``use_gpu``. ``None`` is not set.
    identity
        What the caller knows this job by; see `new_key`.
    """

    workflow: str
    version: str
    data: str
    email: str | None = None
    time: str | None = None
    values: Mapping[str, ParameterValue | None] = field(default_factory=dict)
    identity: str | None = None


def run_workflow(session: ScriptSession, order: WorkflowOrder) -> SubmittedJob:
    """Submit the job of a workflow, with a job script of its own in the data folder.

    Values reach the workflow's program as they are, and no shell reads them. What is not set is left out. The
    job ends badly if the program does, or if it writes nothing.

    Raises
    ------
    UsageError
        If the workflow, its version, the data or a value is not as it should be; nothing is submitted then.
    ClusterError
        As `hand_over` raises.
    """
    checked = _check(session, order)
    settings = session.cluster.settings
    has_own_script = bool(checked.own.job_script and settings.script_repository)
    resources = workflow_resources(
        settings,
        checked.own,
        checked.workflow.descriptor,
        gpu=checked.gpu,
        has_own_script=has_own_script,
    )
    return hand_over(
        session,
        checked.folder,
        own_script(session, checked) if has_own_script else _script(session, checked),
        kind="workflow",
        resources=asked_by_caller(resources, email=order.email, time=order.time),
        comment=f"biomero {order.workflow} {order.version}",
    )


def _check(session: ScriptSession, order: WorkflowOrder) -> CheckedOrder:
    workflow = session.workflows.find(order.workflow)
    own = session.settings.workflows.get(order.workflow) or WorkflowSettings(reference=order.workflow)
    folder = check_folder(session, order.data)
    parameters, attachments = sort_values(session, folder, workflow.descriptor, order.values)
    return CheckedOrder(
        key=new_key(order.workflow, order.identity),
        folder=folder,
        workflow=workflow,
        own=own,
        version=order.version,
        values=check_parameters(workflow.descriptor, parameters),
        attachments=attachments,
        gpu=_wants_gpu(session.cluster.settings, own, order),
    )


def _wants_gpu(cluster: ClusterSettings, own: WorkflowSettings, order: WorkflowOrder) -> bool:
    """Say whether the job is to have a GPU: the caller decides where the settings let it."""
    asked = order.values.get("use_gpu")
    if cluster.injects_gpu_flag and asked is not None:
        return bool(read_value(ParameterType.BOOLEAN, asked))
    return own.uses_gpu


def _script(session: ScriptSession, order: CheckedOrder) -> JobScript:
    folder = order.folder
    program = _prepare(session, order)
    line = build_arguments(
        order.workflow.descriptor,
        order.values,
        input_folder=folder.input,
        output_folder=folder.output,
        ground_truth_folder=folder.ground_truth,
        attachments=order.attachments,
    )
    settings = session.cluster.settings
    return JobScript(
        key=order.key,
        folder=folder.jobs,
        command=compose_command(program, program=line.program, arguments=line.arguments),
        check=("sh", "-c", _IS_FILLED, "sh", folder.output),
        environment={**bind_environment(settings), **dict(program.env)},
        prologue=settings.prologue,
    )


def _prepare(session: ScriptSession, order: CheckedOrder) -> PreparedProgram:
    image = find_image(session, order.workflow, order.own, order.version)
    if image is None:
        check_shipped(order.workflow, order.version)
    name = session.container_runtime if image else "process"
    runtime = session.cluster.runtime(name, python=None, image=image)
    return runtime.prepare(
        order.workflow,
        binds=[order.folder.data],
        gpu=order.gpu,
        entry_point=order.workflow.descriptor.uses_entry_point,
    )


def bind_environment(settings: ClusterSettings) -> dict[str, str]:
    """Return what makes every container see the folders that a facility wants it to see."""
    if not settings.data_bind_path:
        return {}
    return dict.fromkeys(("APPTAINER_BINDPATH", "SINGULARITY_BINDPATH"), settings.data_bind_path)
