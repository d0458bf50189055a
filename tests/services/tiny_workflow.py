"""Workflows of a few lines, as folders with a program, for tests of what runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from biomero.application.ports.workflows import Workflow
from biomero.domain.descriptor import ContainerImage, DescriptorFormat, WorkflowDescriptor
from services.debian import PackageSource

_PROGRAM = """\
import json, os, sys
answer = {"arguments": sys.argv[1:], "folder": os.getcwd(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES")}
for name in ("FROM_JOB", "HOME", "SLURM_JOB_ID"):
    answer[name] = os.environ.get(name)
if len(sys.argv) > 1 and sys.argv[1] == "--write":
    with open(sys.argv[2], "w") as out:
        out.write("written")
if len(sys.argv) > 1 and sys.argv[1] == "--fail":
    sys.exit(int(sys.argv[2]))
print(json.dumps(answer))
"""

_SHELL_PROGRAM = """\
#!/bin/sh
# Says its arguments, one a line; writes a file or fails when asked to.
for argument; do printf '<%s>\\n' "$argument"; done
case ${1-} in
--write) echo written >"$2" ;;
--fail) exit "$2" ;;
esac
"""


def tiny_workflow(
    folder: Path,
    *,
    name: str = "tiny",
    image: str | None = None,
    requirements: str | None = None,
    program: tuple[str, ...] = ("python", "tiny.py"),
    reference: str | None = None,
    version: str = "1",
) -> Workflow:
    """Write a workflow that tells what it was given, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.py").write_text(_PROGRAM)
    shell_program = folder / "tiny.sh"
    shell_program.write_text(_SHELL_PROGRAM)
    shell_program.chmod(0o755)
    (folder / "descriptor.json").write_text(json.dumps({"name": name, "command-line": " ".join(program)}))
    if requirements is not None:
        (folder / "requirements.txt").write_text(requirements)
    descriptor = WorkflowDescriptor(
        name=name,
        description="Tells what it was given",
        format=DescriptorFormat.BIAFLOWS,
        container_image=ContainerImage(name=image) if image else None,
        command_line=program,
        parameters=(),
    )
    return Workflow(
        reference=reference or str(folder),
        descriptor=descriptor,
        folder=folder,
        descriptor_file=folder / "descriptor.json",
        version=version,
        is_pinned=bool(reference and "://" in reference),
    )


def tiny_file_system(folder: Path, *, cache: Path) -> Path:
    """Fill a folder with a Linux of one megabyte that has the shell program as ``/bin/tiny``."""
    busybox = cache / "bin/busybox"
    if not busybox.exists():
        with PackageSource(cache / "packages", release="bookworm") as debian:
            debian.unpack(("busybox-static",), cache)
    for name in ("bin", "etc", "tmp", "work", "proc", "sys", "dev", "home"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, folder / "bin/busybox")
    for name in ("sh", "cat", "echo", "env", "ls", "printf", "pwd", "id", "df", "touch", "sed", "grep", "["):
        (folder / "bin" / name).symlink_to("busybox")
    (folder / "bin/tiny").write_text(_SHELL_PROGRAM)
    (folder / "bin/tiny").chmod(0o755)
    (folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (folder / "etc/group").write_text("root:x:0:\n")
    return folder
