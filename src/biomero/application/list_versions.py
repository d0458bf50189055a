"""Use case: say which versions of workflows and converters a cluster has images of."""

from __future__ import annotations

from collections.abc import Mapping

from biomero.application.ports.clusters import Cluster
from biomero.application.ports.image_store import ImageFile
from biomero.application.ports.workflows import WorkflowCatalogue
from biomero.application.settings import WorkflowSettings
from biomero.application.workflow_image import image_reference
from biomero.domain.image_files import newest_first, read_file_name
from biomero.errors import UsageError


def workflow_versions(
    cluster: Cluster, workflows: Mapping[str, WorkflowSettings], catalogue: WorkflowCatalogue
) -> dict[str, list[str]]:
    """Return the versions of each workflow that have an image on the cluster, newest first.

    A workflow's image is known by its descriptor. Where that cannot be had, every image in the workflow's own
    folder counts.

    Raises
    ------
    ClusterError
        If the cluster cannot be asked.
    """
    files = cluster.images.files(cluster.settings.images_path)
    return {
        name: newest_first(
            images_by_version(files, settings.image_folder.strip("/"), _image_name(name, catalogue))
        )
        for name, settings in workflows.items()
    }


def converter_versions(cluster: Cluster) -> dict[str, list[str]]:
    """Return the versions of each converter that have an image on the cluster, newest first.

    Raises
    ------
    ClusterError
        If the cluster cannot be asked.
    """
    found: dict[str, list[str]] = {}
    for file in cluster.images.files(cluster.settings.converters_path):
        read = read_file_name(file.path.rpartition("/")[2])
        if read is not None:
            found.setdefault(read.name, []).append(read.version)
    return {name: newest_first(versions) for name, versions in found.items()}


def _image_name(workflow: str, catalogue: WorkflowCatalogue) -> str | None:
    try:
        return image_reference(catalogue.find(workflow)).name
    except UsageError:
        return None


def images_by_version(files: list[ImageFile], subfolder: str, image: str | None) -> dict[str, str]:
    """Return the paths of a workflow's images by their version, as `ImageStore.files` spells them.

    Parameters
    ----------
    subfolder
        The workflow's own folder.
    image
        The name of its image; ``None`` if that is not known.
    """
    found: dict[str, str] = {}
    for file in files:
        folder, _, name = file.path.rpartition("/")
        # In the folder of all images, only a known name tells whose it is
        if folder not in ({subfolder, ""} if image else {subfolder} - {""}):
            continue
        read = read_file_name(name, image=image)
        # of two of one version, that in the workflow's own folder counts
        if read is not None and (folder == subfolder or read.version not in found):
            found[read.version] = file.path
    return found
