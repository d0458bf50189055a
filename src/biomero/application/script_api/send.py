"""Send files to the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from biomero.application.ports.transfer import FileToSend
from biomero.application.script_api.session import ScriptSession
from biomero.errors import InputError

_IS_FOLDER = 'case $1 in */) exit 0 ;; esac; [ -d "$1" ]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Transferred:
    """A file or folder that stands whole and checked at both ends."""

    local: str
    remote: str


def transfer_data(session: ScriptSession, local_path: Path) -> Transferred:
    """Send a zip, or a whole folder, to the data folder, under its own name.

    Nothing stands half-written under that name; a zip that was sent in part goes on where it stopped.

    Raises
    ------
    InputError
        If there is no such file or folder here.
    UnsafePathError, TransferError, ConnectionFailedError
        As `RemoteTransfer.upload` raises.
    """
    if not local_path.exists():
        raise InputError(f"{local_path}: there is no such file or folder")
    target = session.folder(local_path.name).path
    return _send(session, local_path, target)


def put_file(session: ScriptSession, local: Path, remote: str) -> Transferred:
    """Send a file to a place of the caller's own choice, below the home folder if it is not absolute.

    Parameters
    ----------
    remote
        A folder, which takes the file under its own name, or the file's new name.

    Raises
    ------
    InputError
        If there is no such file here.
    TransferError, ConnectionFailedError
        As `RemoteTransfer.upload_file` raises.
    """
    if not local.exists():
        raise InputError(f"{local}: there is no such file or folder")
    if session.run(_IS_FOLDER, remote).ok:
        remote = f"{remote.rstrip('/')}/{local.name}"
    return _send(session, local, remote)


def _send(session: ScriptSession, local: Path, remote: str) -> Transferred:
    transfer = session.cluster.transfer
    if local.is_dir():
        transfer.upload((FileToSend(path=p, name=p.name) for p in sorted(local.iterdir())), remote)
    else:
        transfer.upload_file(local, remote)
    return Transferred(local=str(local), remote=remote)
