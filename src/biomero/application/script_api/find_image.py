"""Find the container image of the version that a script asks for."""

from __future__ import annotations

from contextlib import suppress

from biomero.application.list_versions import images_by_version
from biomero.application.ports.workflows import Workflow
from biomero.application.script_api.session import ScriptSession
from biomero.application.settings import WorkflowSettings
from biomero.application.workflow_image import image_reference
from biomero.domain.image_files import newest_first
from biomero.errors import ContainerImageError, UsageError


def find_image(session: ScriptSession, workflow: Workflow, own: WorkflowSettings, version: str) -> str | None:
    """Return the path of a workflow's image of a version; ``None`` for one of ours that has no image there.

    The versions are those that `workflow_versions` lists. What BIOMERO ships can run without an image.

    Raises
    ------
    ContainerImageError
        If there is no image of that version; the message lists the versions that there are.
    """
    folder = session.cluster.settings.images_path.rstrip("/")
    files = session.cluster.images.files(folder)
    found = images_by_version(files, own.image_folder.strip("/"), _image_name(workflow))
    if version in found:
        return f"{folder}/{found[version]}"
    if workflow.folder.is_relative_to(session.settings.shipped_workflows):
        return None
    there = ", ".join(newest_first(found)) or "none"
    raise ContainerImageError(
        f"there is no container image of {workflow.descriptor.name} {version} in "
        f"{folder}/{own.image_folder}; versions there: {there}"
    )


def check_shipped(workflow: Workflow, version: str) -> None:
    """Refuse a version that would be recorded and never run: what we ship is there in one version only.

    Raises
    ------
    ContainerImageError
        If it is another version; the message has the right one.
    """
    with suppress(UsageError):
        if version == image_reference(workflow).tag:
            return
    if version.removeprefix("v") not in {"latest", "", workflow.version.removeprefix("v")}:
        raise ContainerImageError(
            f"there is no {workflow.descriptor.name} {version}: no container image of that version is on the "
            f"cluster, and the one that BIOMERO ships is {workflow.version}"
        )


def _image_name(workflow: Workflow) -> str | None:
    try:
        return image_reference(workflow).name
    except UsageError:
        return None
