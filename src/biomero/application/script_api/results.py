"""Pack what a workflow wrote, and fetch it."""

from __future__ import annotations

import posixpath
from pathlib import Path

from biomero.application.script_api.send import Transferred
from biomero.application.script_api.session import ScriptSession
from biomero.application.script_api.zip_tools import PACK, PACK_PYTHON, packer, tool_error
from biomero.domain.file_names import check_name
from biomero.errors import UnsafePathError

_TIMEOUT_S = 24 * 3600.0


def zip_results(session: ScriptSession, data_location: str, filename: str) -> str:
    """Pack what a workflow wrote into ``<data_location>/<filename>.zip``; return its path.

    Links are never followed: a workflow cannot have other people's files packed.

    Raises
    ------
    UnsafePathError
        If `data_location` is no data folder, or `filename` has parts.
    RemoteCommandError
        If it cannot be packed; there is no archive then, or the one of an earlier call.
    """
    folder = session.locate(data_location)
    if "/" in check_name(filename):
        raise UnsafePathError(f"{filename!r} is no plain file name")
    name = f"{filename.removesuffix('.zip')}.zip"
    program = packer(session.cluster.settings.zip_command)
    result = session.run(PACK, folder.output, folder.path, name, program, PACK_PYTHON, timeout_s=_TIMEOUT_S)
    if not result.ok:
        raise tool_error(result.exit_status, result.stderr, f"packing {folder.output}")
    return f"{folder.path}/{name}"


def copy_zip(session: ScriptSession, into: Path, filename: str) -> Transferred:
    """Fetch ``<filename>.zip``, a path below the data folder, into a local folder.

    Raises
    ------
    UnsafePathError
        If the path leads anywhere else.
    TransferError, ConnectionFailedError
        As `RemoteTransfer.download_file` raises.
    """
    folder, rest = session.inside(filename.removesuffix(".zip"))
    remote = f"{folder.path}/{rest}.zip" if rest else folder.zip
    local = into / posixpath.basename(remote)
    session.cluster.transfer.download_file(remote, local)
    return Transferred(local=str(local), remote=remote)
