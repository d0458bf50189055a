"""Reading what the scripts at the far end report."""

from __future__ import annotations

import re

from biomero.adapters.ssh.remote_scripts import UNSAFE_STATUS
from biomero.application.disk_errors import FULL, error_number, remote_disk_error
from biomero.application.ports.transfer import RemoteFile
from biomero.errors import (
    BiomeroError,
    TransferError,
    UnparsableOutputError,
    UnsafePathError,
)

LAST_WORDS = 2000
SHORT_WRITE = "Wrote only "
"""What GNU tar says when a disk became full within a block."""
_HASH_LINE = re.compile(rb"(\\?)([0-9a-f]{64}) [ *](.*)", re.DOTALL)
_ESCAPES = {rb"\\": b"\\", rb"\n": b"\n", rb"\r": b"\r"}


def parse_report(output: bytes) -> list[RemoteFile]:
    r"""Read sizes and hashes of files.

    First ``<size> <name>\0`` for each, and an empty record; then lines of ``sha256sum``, which begin with a
    backslash if backslashes and line ends in the name are escaped.

    Raises
    ------
    UnparsableOutputError
        With the text.
    """
    sizes: dict[bytes, int] = {}
    position = 0
    while True:
        end = output.find(b"\0", position)
        if end < 0:
            raise UnparsableOutputError(f"expected sizes and names of files, found {_shown(output)}")
        record, position = output[position:end], end + 1
        if not record:
            break
        size, _, name = record.partition(b" ")
        if not size.isdigit():
            raise UnparsableOutputError(f"expected the size and name of a file, found {_shown(record)}")
        sizes[name] = int(size)
    hashes = dict(_hash_line(line) for line in output[position:].split(b"\n") if line)
    if sizes.keys() != hashes.keys():
        different = min(sizes.keys() ^ hashes.keys())
        raise UnparsableOutputError(f"files changed while they were looked at, such as {_shown(different)}")
    return [
        RemoteFile(name=name.decode(errors="surrogateescape"), size=sizes[name], sha256=hashes[name])
        for name in sorted(sizes)
    ]


def parse_size_and_hash(stdout: str) -> tuple[int, str]:
    """Read a size and, if it is not 0 for want of a file, a line of ``sha256sum``."""
    size, _, rest = stdout.strip().partition("\n")
    if not size.strip().isdigit():
        raise UnparsableOutputError(f"expected the size of a file, found {stdout[:LAST_WORDS]!r}")
    return int(size), rest.strip().partition(" ")[0]


def failure(what: str, status: int, stderr: str) -> BiomeroError:
    """Return the error for a script that failed.

    All that a shell tool tells about an error of the operating system is its text. In the C locale,
    which the scripts set, that is `strerror`'s and as good as a number.
    """
    words = stderr.strip()[-LAST_WORDS:] or f"exit status {status}"
    if status == UNSAFE_STATUS:
        return UnsafePathError(f"{what}: {words}")
    found = remote_disk_error(what, words)
    if found is not None:
        return found
    return TransferError(f"{what}: {words}")


def is_out_of_space(stderr: str) -> bool:
    """Tell whether the far end has said that it can take no more."""
    return SHORT_WRITE in stderr or error_number(stderr) in FULL


def _hash_line(line: bytes) -> tuple[bytes, str]:
    match = _HASH_LINE.fullmatch(line)
    if match is None:
        raise UnparsableOutputError(f"expected a hash and the name of a file, found {_shown(line)}")
    name = match[3]
    if match[1]:
        name = re.sub(rb"\\[\\nr]", lambda escape: _ESCAPES[escape[0]], name)
    return name.removeprefix(b"./"), match[2].decode()


def _shown(text: bytes) -> str:
    return repr(text[:LAST_WORDS].decode(errors="backslashreplace"))
