"""Network file systems may show on the login node later what a compute node wrote; fetching waits for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from biomero.application.ports.clock import Clock
from biomero.application.ports.shell import RemoteShell
from biomero.application.ports.transfer import RemoteFile, RemoteTransfer
from biomero.domain.output_listing import not_yet_seen, parse_listing
from biomero.errors import RemoteCommandError, TransferError

_LOG = logging.getLogger(__name__)

_PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""A minute in all: that long a network file system remembers, unless an administrator wants it longer."""

_NAMED = 5

# Each listing after a line of its number and size, as names may hold anything; a missing one is left out.
_READ = r"""
cd -- "$1" || exit
number=0
while IFS= read -r name; do
  if [ -f "listing.$name" ]; then
    printf '%s %s\n' "$number" "$(wc -c <"listing.$name")"
    cat -- "listing.$name" || exit
  fi
  number=$((number + 1))
done
"""


def await_outputs(
    shell: RemoteShell,
    transfer: RemoteTransfer,
    clock: Clock,
    *,
    folder: str,
    outputs: str,
    expected: Mapping[str, str],
    check: Callable[[], None] = lambda: None,
) -> list[RemoteFile]:
    """Return the files of the outputs, when everything is there that the jobs say they wrote.

    Parameters
    ----------
    folder
        The run's folder, absolute.
    outputs
        The folder of outputs, absolute.
    expected
        The jobs or array tasks that ended well: the name of each one's listing (its key, for an array task
        followed by ``.<task>``), and the folder below `outputs` that it lists, such as ``3/``; often ``""``.
    check
        Called before each look; what it raises ends the waiting.

    Raises
    ------
    TransferError
        If something that was written is not there after a minute: somebody removed it, or the file system
        is in trouble.
    """
    names = list(expected)
    missing: list[str] = []
    for pause in (*_PAUSES_S, None):
        check()
        listings = _read(shell, folder, names) if names else {}
        files = transfer.listing(outputs)
        seen = {file.name: file.size for file in files}
        written = {
            f"{expected[name]}{file}": size
            for name, files_of in listings.items()
            for file, size in files_of.items()
        }
        missing = not_yet_seen(written, seen)
        unlisted = [name for name in names if name not in listings]
        if not missing and not unlisted:
            return files
        if pause is None:
            break
        clock.sleep(pause)
    if missing:
        some = ", ".join(missing[:_NAMED]) + (", …" if len(missing) > _NAMED else "")
        raise TransferError(
            f"{len(missing)} of {len(written)} files that the jobs wrote are not in {outputs} as they wrote "
            f"them: {some}; if somebody removed or changed them, the workflow has to run again"
        )
    _LOG.warning("%s has no list of what these jobs wrote: %s", folder, ", ".join(unlisted))
    return files


def _read(shell: RemoteShell, folder: str, names: Sequence[str]) -> dict[str, dict[str, int]]:
    """Read those listings that are there, in one remote command."""
    done = shell.run(("sh", "-c", _READ, "sh", folder), stdin="".join(f"{n}\n" for n in names).encode())
    if not done.ok:
        raise RemoteCommandError(f"what the jobs wrote cannot be read in {folder}: {done.stderr.strip()}")
    rest = done.stdout.encode(errors="surrogateescape")
    found: dict[str, dict[str, int]] = {}
    while rest:
        head, _, rest = rest.partition(b"\n")
        number, size = map(int, head.split())
        found[names[number]] = parse_listing(rest[:size].decode(errors="surrogateescape"))
        rest = rest[size:]
    return found
