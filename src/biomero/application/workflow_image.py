"""Which container image a workflow needs, and where that is on a cluster."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from biomero.application.ports.image_store import WantedImage
from biomero.application.ports.workflows import Workflow
from biomero.domain.image_files import SUFFIXES
from biomero.domain.image_reference import ImageReference
from biomero.errors import ContainerImageError


def image_reference(workflow: Workflow, *, override: str | None = None) -> ImageReference:
    """Return the name of a workflow's image, with a tag or a digest.

    The image's own tag counts most. Without one, the version of the workflow's repository is the tag, with
    ``latest`` for a default branch.

    Raises
    ------
    ContainerImageError
        If the descriptor names none, or what it names is no image.
    """
    described = workflow.descriptor.container_image
    text = override or (described.name if described else None)
    if text is None:
        raise ContainerImageError(
            f"{workflow.descriptor.name} names no container image; use --runtime process, or add one to "
            f"{workflow.descriptor_file.name}"
        )
    # Only the address of a repository has a version that images are tagged with.
    return ImageReference.parse(text).at(workflow.version if workflow.is_pinned else None)


def wanted_image(
    workflow: Workflow,
    *,
    folder: str,
    subfolder: str = "",
    override: str | None = None,
    file: Path | None = None,
) -> WantedImage:
    """Return the image that a workflow needs.

    Parameters
    ----------
    folder
        Where images are on the cluster.
    subfolder
        The workflow's own folder below it.
    override
        Used in place of what the descriptor says: the path of a SIF file on the cluster, or an image's name.
    file
        A SIF file on this machine that is to be the workflow's image.

    Raises
    ------
    ContainerImageError
        As `image_reference`; also if a folder or path cannot be used.
    """
    if override and override.endswith(SUFFIXES):
        path = PurePosixPath(override)
        return WantedImage(folder=str(path.parent), names=(path.name,))
    reference = image_reference(workflow, override=override)
    return WantedImage(
        folder=folder,
        subfolder=subfolder.strip("/"),
        names=reference.file_names,
        source=reference.address,
        file=file,
    )
