"""SIF files in a folder of a cluster; see `ImageStore`."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from biomero.adapters.containers.image_script import (
    NOTHING_THERE,
    ImageTool,
    check_local_image,
    log_of,
    parse_image,
)
from biomero.adapters.containers.scripts import last_lines
from biomero.application.ports.image_store import (
    ImageFile,
    ShowImage,
    StoredImage,
    WantedImage,
    show_nothing,
)
from biomero.application.ports.shell import CommandResult, RemoteShell
from biomero.application.ports.transfer import RemoteTransfer
from biomero.domain.image_files import SUFFIXES
from biomero.errors import (
    BiomeroError,
    ClusterError,
    ContainerImageError,
    RemoteCommandError,
    RemoteTimeoutError,
    TransferError,
    UnparsableOutputError,
)

if TYPE_CHECKING:
    from biomero.adapters.containers.pull_jobs import PullJobs

_TAIL_EVERY_S = 3.0
_HEADER_BYTES = 128

_LIST = """
[ -d "$1" ] || exit 0
cd -- "$1" && find -L . -mindepth 1 -maxdepth 2 -type f ! -name '.*' -printf '%s %P\\0' 2>/dev/null; :
"""

_OF_THIS_IMAGE = (
    ContainerImageError,
    RemoteCommandError,
    RemoteTimeoutError,
    TransferError,
    UnparsableOutputError,
)
"""What is wrong with one image only; the others may be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SifStore:
    """Keeps container images as SIF files; see `ImageStore`.

    Parameters
    ----------
    environment
        Set while pulling on the login node.
    timeout_s
        How long pulling and hashing an image may take.
    jobs
        Pulls in jobs; without it, images are pulled on the login node, one after the other.
    """

    shell: RemoteShell
    transfer: RemoteTransfer | None = None
    tool: ImageTool = field(default_factory=ImageTool)
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 3600.0
    jobs: PullJobs | None = None

    def find(self, wanted: WantedImage) -> StoredImage | None:
        """See `ImageStore.find`; one remote command."""
        result = self._run(self.tool.command("look", wanted))
        if result.exit_status == NOTHING_THERE:
            return None
        return self._image(wanted, result)

    def fetch(
        self, wanted: Sequence[WantedImage], *, show: ShowImage = show_nothing
    ) -> list[StoredImage | BiomeroError]:
        """See `ImageStore.fetch`; on the login node one remote command for each image."""
        if self.jobs is None:
            return [self._guarded(image, show) for image in wanted]
        return self._fetch_by_jobs(self.jobs, wanted, show)

    def files(self, folder: str) -> list[ImageFile]:
        """See `ImageStore.files`."""
        result = self.shell.run(("sh", "-c", _LIST, "sh", folder))
        rows = (row.partition(" ") for row in result.stdout.split("\0") if row)
        found = [ImageFile(path=path, size=int(size)) for size, _, path in rows if path.endswith(SUFFIXES)]
        return sorted(found, key=lambda file: file.path)

    def _guarded(self, wanted: WantedImage, show: ShowImage) -> StoredImage | BiomeroError:
        try:
            if wanted.file is not None:
                return self._send(wanted, wanted.file, show)
            return self._image(wanted, self._pull(wanted, show))
        except _OF_THIS_IMAGE as exc:
            return exc

    def _fetch_by_jobs(
        self, jobs: PullJobs, wanted: Sequence[WantedImage], show: ShowImage
    ) -> list[StoredImage | BiomeroError]:
        there = {image: self._there(image, show) for image in wanted}
        missing = [image for image in there if there[image] is None]
        for image, error in zip(missing, jobs.run(missing, show) if missing else (), strict=True):
            there[image] = error or self._made(image)
        return [there[image] or ContainerImageError(f"{image.title} is not there") for image in wanted]

    def _there(self, wanted: WantedImage, show: ShowImage) -> StoredImage | BiomeroError | None:
        """Return what needs no job: what is there, what is sent, and what can never be had."""
        if wanted.file is not None or not wanted.source:
            return self._guarded(wanted, show)
        try:
            return self.find(wanted)
        except _OF_THIS_IMAGE as exc:
            return exc

    def _made(self, wanted: WantedImage) -> StoredImage | BiomeroError:
        try:
            found = self.find(wanted)
        except _OF_THIS_IMAGE as exc:
            return exc
        if found is None:
            return ContainerImageError(
                f"the job that pulled {wanted.title} ended well, but the login node sees no image in "
                f"{wanted.place}; do the nodes share that folder?"
            )
        return StoredImage(
            path=found.path,
            digest=found.digest,
            source=found.source,
            working_folder=found.working_folder,
            was_made=True,
        )

    def _image(self, wanted: WantedImage, result: CommandResult) -> StoredImage:
        if not result.ok:
            raise self.tool.failure(wanted, result.exit_status, result.stderr)
        return parse_image(result.stdout, wanted)

    def _run(self, argv: Sequence[str]) -> CommandResult:
        return self.shell.run(argv, env=self.environment, timeout_s=self.timeout_s)

    def _pull(self, wanted: WantedImage, show: ShowImage) -> CommandResult:
        """Pull on the login node; what takes long is followed by what the tool says."""
        command = self.tool.command("pull", wanted)
        if show is show_nothing:
            return self._run(command)
        answers: list[CommandResult | BiomeroError] = []

        def work() -> None:
            try:
                answers.append(self._run(command))
            except BiomeroError as exc:
                answers.append(exc)

        # A daemon, so that an interrupted command does not wait for a pull that goes on by itself
        thread = threading.Thread(target=work, name="pull", daemon=True)
        thread.start()
        thread.join(_TAIL_EVERY_S)
        while thread.is_alive():
            show(wanted, self._last_words(wanted))
            thread.join(_TAIL_EVERY_S)
        (answer,) = answers
        if isinstance(answer, BiomeroError):
            raise answer
        return answer

    def _last_words(self, wanted: WantedImage) -> str:
        try:
            said = self.shell.run(("tail", "-c", "400", "--", log_of(wanted)), timeout_s=30)
        except ClusterError:
            return "pulling"
        return last_lines(said.stdout, 1) if said.ok and said.stdout.strip() else "pulling"

    def _send(self, wanted: WantedImage, file: Path, show: ShowImage) -> StoredImage:
        """Send a file of this machine, unless the same one is there."""
        if self.transfer is None:
            raise ContainerImageError(f"{file} cannot be sent: there is no way to send files")
        digest = _checked_digest(file)
        there = self.find(wanted)
        if there is not None and there.digest == digest:
            return there
        made = self.shell.run(("mkdir", "-p", "--", wanted.place))
        if not made.ok:
            raise self.tool.failure(wanted, 68, made.stderr)
        show(wanted, "sending")
        total = file.stat().st_size
        sent = 0

        def count(size: int) -> None:
            nonlocal sent
            sent += size
            show(wanted, f"{sent / 1e6:.0f} of {total / 1e6:.0f} MB sent")

        self.transfer.upload_file(file, wanted.path, progress=count)
        return self._image(wanted, self._run(self.tool.command("note", wanted)))


def _checked_digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            check_local_image(str(file), opened.read(_HEADER_BYTES), file.stat().st_size)
            opened.seek(0)
            return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
    except OSError as exc:
        raise ContainerImageError(f"the image {file} cannot be read: {exc.strerror}") from exc
