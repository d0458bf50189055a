"""Checks of the container runtime on the login node, and of the images kept there."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePosixPath

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Examination
from biomero.application.doctor.findings import Finding, Level
from biomero.application.doctor.scripts import answers, shell_for
from biomero.application.ports.image_store import WantedImage
from biomero.application.ports.workflows import CONVERTER
from biomero.application.prepare_cluster import converter_image
from biomero.application.workflow_image import wanted_image
from biomero.domain.image_files import read_file_name
from biomero.errors import ContainerImageError, UsageError


def check_runtime(examination: Examination) -> Iterator[Finding]:
    """Look for the container runtime, where something that is configured needs one."""
    if not examination.needs_containers:
        return
    settings, executable = examination.settings, examination.executable
    modules = settings.container_modules
    done = examination.run("runtime.sh", executable, " ".join(modules), shell=shell_for(modules))
    said = dict(answers(done.stdout))
    if said.get("version"):
        yield Code.RUNTIME.ok("login node", said["version"])
        return
    words = (
        f"the module {said['module']} cannot be loaded" if "module" in said else f"there is no {executable}"
    )
    if settings.pulls.as_job:
        # only jobs need it then, and the compute nodes are looked at too
        yield Code.RUNTIME.warning("login node", words)
    else:
        yield Code.RUNTIME.problem("login node", words)


def check_images(examination: Examination) -> Iterator[Finding]:
    """Look for the image of every configured workflow, and for those of converters."""
    if not examination.needs_containers:
        return
    for name, workflow in examination.container_workflows.items():
        try:
            wanted = _workflow_image(examination, name)
        except UsageError as exc:
            yield Code.DESCRIPTOR.warning(name, str(exc))
            continue
        finding = _look(examination, name, wanted)
        # of what came along with BIOMERO nobody has said that it is wanted here
        is_unwanted = finding.code == Code.IMAGE.code and workflow.is_brought_along
        yield dataclasses.replace(finding, level=Level.WARNING) if is_unwanted and finding.remedy else finding
    settings = examination.settings
    if settings.conversion_runtime != "process":
        conversion = examination.tools.workflows.find(CONVERTER)
        yield _look(
            examination,
            f"converter {CONVERTER}",
            wanted_image(conversion, folder=settings.converters_path),
        )
    for kind, text in examination.tools.settings.converters.items():
        name = f"convert_{kind}"
        try:
            wanted = converter_image(name, text, settings.converters_path)
        except UsageError as exc:
            yield Code.CONFIGURATION.warning(f"converter {name}", str(exc))
            continue
        yield _look(examination, f"converter {name}", wanted)


def _workflow_image(examination: Examination, name: str) -> WantedImage:
    return wanted_image(
        examination.tools.workflows.find(name),
        folder=examination.settings.images_path,
        subfolder=examination.tools.settings.workflows[name].image_folder,
    )


def _look(examination: Examination, user: str, wanted: WantedImage) -> Finding:
    """Say whether an image is there; of a missing one, which other versions are."""
    images = examination.cluster.images
    try:
        found = images.find(wanted)
    except ContainerImageError as exc:
        return Code.IMAGE_DAMAGED.problem(user, str(exc))
    if found is not None:
        return Code.IMAGE.ok(user, found.path)
    ours = read_file_name(wanted.names[0])
    names = (PurePosixPath(file.path).name for file in images.files(wanted.folder))
    others = [n for n in names if ours and (read := read_file_name(n)) and read.name == ours.name]
    words = f"; of others there are: {', '.join(others)}" if others else ""
    return Code.IMAGE.problem(user, f"there is no {wanted.path}{words}")
