"""Put job scripts on the cluster: a clone of the facility's own, or ours for submitting by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from biomero.application.ports.transfer import FileToSend
from biomero.application.script_api.session import ScriptSession
from biomero.domain.file_names import check_name
from biomero.errors import RemoteCommandError

# $1 address  $2 ref or nothing  $3 folder. Local changes are never thrown away: git refuses then.
_CLONE = """
export GIT_TERMINAL_PROMPT=0
if [ -d "$3/.git" ]; then
    [ "$(git -C "$3" config --get remote.origin.url)" = "$1" ] ||
        { printf '%s is a clone of another repository\\n' "$3" >&2; exit 1; }
    git -C "$3" fetch --quiet --tags origin || exit
    if [ -n "$2" ]; then git -C "$3" checkout --quiet "$2" --; else git -C "$3" pull --quiet --ff-only; fi
else
    mkdir -p -- "$3" && git clone --quiet -- "$1" "$3" || exit
    [ -z "$2" ] || git -C "$3" checkout --quiet "$2" --
fi
"""
_TIMEOUT_S = 600.0


def clone_job_scripts(session: ScriptSession) -> None:
    """Make or update the clone of the facility's job scripts.

    Raises
    ------
    RemoteCommandError
        If git refuses; the message holds its words.
    """
    settings = session.cluster.settings
    address, _, ref = (settings.script_repository or "").partition("/tree/")
    if address.startswith("-") or ref.startswith("-"):
        raise RemoteCommandError(f"{settings.script_repository!r} is no address of a repository")
    result = session.run(_CLONE, address, ref, settings.script_path, timeout_s=_TIMEOUT_S)
    if not result.ok:
        raise RemoteCommandError(
            f"the job scripts of {address} are not in {settings.script_path}: {result.stderr.strip()}"
        )


def write_job_scripts(session: ScriptSession, scripts: Mapping[str, str]) -> None:
    """Write job scripts by their names below the folder of job scripts, each whole or not at all.

    Raises
    ------
    UnsafePathError
        If a name leaves the folder.
    TransferError, ConnectionFailedError
        As `RemoteTransfer.upload` raises.
    """
    if not scripts:
        return
    with tempfile.TemporaryDirectory(prefix="biomero-") as folder:
        files = []
        for number, (name, text) in enumerate(scripts.items()):
            path = Path(folder) / str(number)
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
            files.append(FileToSend(path=path, name=check_name(name)))
        session.cluster.transfer.upload(files, session.cluster.settings.script_path)
