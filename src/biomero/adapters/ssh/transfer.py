"""Moving files to and from a login node."""

from __future__ import annotations

import errno
import hashlib
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from biomero.adapters.ssh import remote_scripts as scripts
from biomero.adapters.ssh.connection import RemoteProgram, SshConnection
from biomero.adapters.ssh.program import ProgramEndedError
from biomero.adapters.ssh.remote_scripts import script
from biomero.adapters.ssh.reports import (
    failure,
    is_out_of_space,
    parse_report,
    parse_size_and_hash,
)
from biomero.adapters.ssh.tar_stream import receive_tar, tar_stream
from biomero.application.arrivals import Arrivals
from biomero.application.disk_errors import disk_errors, error_number
from biomero.application.ports.shell import CommandResult
from biomero.application.ports.transfer import FileToSend, Progress, RemoteFile
from biomero.application.resume import PART_SUFFIX, good_part_bytes, part_of
from biomero.application.source_files import BLOCK_BYTES, SourceFile, opened, sha256_of, source_files
from biomero.domain.file_names import STAGING_PREFIX, check_name, parent_folders
from biomero.errors import (
    BiomeroError,
    ConnectionFailedError,
    RemoteTimeoutError,
    TransferCorruptError,
    TransferError,
)

HASHING_TIMEOUT_S = 4 * 3600.0
"""For commands that read whole files at the far end, be they ever so large."""


class SshTransfer:
    """Moves files over the connection; see `RemoteTransfer`. Relative folders are below the home folder."""

    def __init__(self, connection: SshConnection) -> None:
        self._connection = connection

    def upload(
        self, files: Iterable[FileToSend], folder: str, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """See `RemoteTransfer.upload`: two remote commands."""
        staging = f"{STAGING_PREFIX}{secrets.token_hex(8)}"
        sent: dict[str, RemoteFile] = {}

        def note(file: RemoteFile) -> None:
            sent[file.name] = file

        what = f"sending to {folder} on {self._connection.alias}"
        with self._connection.program(script(scripts.RECEIVE, _far(folder), staging)) as receiver:
            try:
                _feed(receiver, tar_stream(source_files(files), note, progress=progress))
                arrived = parse_report(_output(receiver, what))
                _compare(sent, arrived, what)
            except ConnectionFailedError:
                raise  # the script at the far end removes what it has when its input breaks off
            except BaseException:
                receiver.abort()
                self._discard(folder, staging)
                raise
        self._must(scripts.PUBLISH, _far(folder), staging, what=what)
        return arrived

    def upload_file(self, path: Path, remote: str, *, progress: Progress | None = None) -> RemoteFile:
        """See `RemoteTransfer.upload_file`: three remote commands."""
        what = f"sending {path} to {remote} on {self._connection.alias}"
        target = _far(remote)
        part = target + PART_SUFFIX
        with opened(SourceFile(path=path, name=remote, is_executable=False)) as (size, blocks):
            kept, kept_hash = parse_size_and_hash(self._must(scripts.PART, part, what=what).stdout)
            if kept > size or (kept and sha256_of(path, first_bytes=kept) != kept_hash):
                kept = 0
            digest = hashlib.sha256()
            append = script(scripts.APPEND, _parent(target), part, "continue" if kept else "anew")
            with self._connection.program(append) as receiver:
                _feed(receiver, _fresh(blocks, kept, digest.update, progress))
                arrived = parse_size_and_hash(_output(receiver, what).decode(errors="surrogateescape"))
        if arrived != (size, digest.hexdigest()):
            self._must(scripts.REMOVE, part, what=what)
            raise TransferCorruptError(f"{what}: it arrived damaged; try again")
        self._must(scripts.RENAME, part, target, what=what)
        return RemoteFile(name=remote, size=size, sha256=digest.hexdigest())

    def listing(self, folder: str) -> list[RemoteFile]:
        """See `RemoteTransfer.listing`."""
        result = self._run(scripts.LISTING, _far(folder))
        if result.exit_status == scripts.MISSING_STATUS and error_number(result.stderr) == errno.ENOENT:
            return []
        if not result.ok:
            raise failure(f"listing {folder} on {self._connection.alias}", result.exit_status, result.stderr)
        return parse_report(result.stdout.encode(errors="surrogateescape"))

    def download(
        self, folder: str, names: Sequence[str], destination: Path, *, progress: Progress | None = None
    ) -> list[RemoteFile]:
        """See `RemoteTransfer.download`."""
        what = f"fetching from {folder} on {self._connection.alias}"
        parents = dict.fromkeys(parent for name in names for parent in parent_folders(check_name(name)))
        wanted_folders = b"".join(_record(parent) for parent in parents)
        wanted = wanted_folders + b"".join(_record(name) for name in dict.fromkeys(names))
        with (
            Arrivals(destination) as arrivals,
            self._connection.program(script(scripts.SEND, _far(folder), str(len(wanted_folders)))) as sender,
        ):
            with suppress(ProgramEndedError):  # its exit status says why
                sender.write(wanted)
                sender.write_eof()
            with _its_own_words_first(sender, what):
                receive_tar(sender.read, names, arrivals, progress=progress)
                _drain(sender)
            _check_status(sender, what)
            return arrivals.publish()

    def download_file(self, remote: str, path: Path, *, progress: Progress | None = None) -> RemoteFile:
        """See `RemoteTransfer.download_file`: two remote commands."""
        what = f"fetching {remote} on {self._connection.alias} to {path}"
        source = _far(remote)
        part = part_of(path)
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = part.stat().st_size if part.is_file() else 0
            prefix = self._must(scripts.PREFIX, source, str(kept), what=what)
            size, prefix_hash = parse_size_and_hash(prefix.stdout)
            kept = good_part_bytes(part, size)
            if kept and sha256_of(part) != prefix_hash:
                kept = 0
            with self._connection.program(script(scripts.REST, source, str(kept + 1))) as sender:
                far_hash = self._take_rest(sender, part, kept, size, progress)
                _check_status(sender, what)
            here = sha256_of(part)
            if part.stat().st_size != size or here != far_hash:
                part.unlink()
                raise TransferCorruptError(f"{what}: it arrived damaged, or changed there; try again")
            part.replace(path)
        return RemoteFile(name=remote, size=size, sha256=here)

    def _take_rest(
        self, sender: RemoteProgram, part: Path, kept: int, size: int, progress: Progress | None
    ) -> str:
        left = size - kept
        after = bytearray()
        with part.open("ab") as stream:
            stream.truncate(kept)
            while block := sender.read():
                stream.write(block[:left])
                after += block[left:]
                if progress is not None and left:
                    progress(min(left, len(block)))
                left -= min(left, len(block))
                if len(after) > BLOCK_BYTES:
                    break  # the file grows: what follows is not its hash
        return after.decode(errors="replace").partition(" ")[0]

    def _discard(self, folder: str, staging: str) -> None:
        """Remove a staging folder if that is possible; what matters is the error that comes before."""
        with suppress(BiomeroError):
            self._connection.run(script(scripts.DISCARD, _far(folder), staging), timeout_s=60.0)

    def _run(self, text: str, *arguments: str) -> CommandResult:
        return self._connection.run(script(text, *arguments), timeout_s=HASHING_TIMEOUT_S)

    def _must(self, text: str, *arguments: str, what: str) -> CommandResult:
        result = self._run(text, *arguments)
        if not result.ok:
            raise failure(what, result.exit_status, result.stderr)
        return result


def _far(name: str) -> str:
    """Return a path that no program takes for an option; relative ones are below the home folder."""
    return name if name.startswith("/") else f"./{name}"


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _record(name: str) -> bytes:
    return f"./{name}\0".encode(errors="surrogateescape")


def _feed(receiver: RemoteProgram, pieces: Iterable[bytes]) -> None:
    """Send a stream; stop early if the far end has complained for good or has ended."""
    try:
        for piece in pieces:
            receiver.write(piece)
            if is_out_of_space(receiver.stderr):
                break  # tar would read on to the end
        receiver.write_eof()
    except ProgramEndedError:
        return  # its exit status says why


def _fresh(blocks: Iterator[bytes], kept: int, update: object, progress: Progress | None) -> Iterator[bytes]:
    """Hash all blocks, and yield those that are not there yet."""
    position = 0
    for block in blocks:
        update(block)  # type: ignore[operator]  # a hash's method
        fresh = block[max(0, kept - position) :]
        position += len(block)
        if fresh:
            yield fresh
            if progress is not None:
                progress(len(fresh))


def _output(program: RemoteProgram, what: str) -> bytes:
    output = b"".join(iter(program.read, b""))
    _check_status(program, what)
    return output


def _drain(program: RemoteProgram) -> None:
    while program.read():
        continue


def _check_status(program: RemoteProgram, what: str) -> None:
    status = program.end()
    if status != 0:
        raise failure(what, status, program.stderr)


@contextmanager
def _its_own_words_first(program: RemoteProgram, what: str) -> Iterator[None]:
    """Where a stream breaks off because the far end failed, say what the far end said."""
    try:
        yield
    except TransferError as exc:
        if type(exc) is not TransferError:
            raise
        _drain(program)
        try:
            status = program.end()
        except RemoteTimeoutError:
            raise exc from None
        if status != 0:
            raise failure(what, status, program.stderr) from exc
        raise


def _compare(sent: dict[str, RemoteFile], arrived: list[RemoteFile], what: str) -> None:
    found = {file.name: file for file in arrived}
    for name, file in sent.items():
        if found.get(name) != file:
            raise TransferCorruptError(f"{what}: {name!r} arrived damaged; try again")
    if len(found) != len(sent):
        raise TransferCorruptError(f"{what}: files arrived that were not sent")
