"""``sinfo``: the partitions."""

from __future__ import annotations

import re

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.states import fields
from biomero.application.ports.scheduler import Partition
from biomero.errors import UnparsableOutputError

_SCRIPT = """
unset SINFO_FORMAT SINFO_PARTITION SINFO_SORT
echo biomero:partitions
exec sinfo --noheader --format='%P|%l'
"""


def sinfo() -> Command:
    """Return the command that lists the partitions that the account may see."""
    return Command(argv=("sh", "-c", _SCRIPT))


def parse_sinfo(stdout: str) -> list[Partition]:
    """Read the answer: a row for each state of a partition's nodes; the default partition has a star.

    Raises
    ------
    UnparsableOutputError
        If a row cannot be understood.
    """
    found: dict[str, Partition] = {}
    # Whatever login scripts print comes first.
    for line in stdout.partition("biomero:partitions\n")[2].splitlines():
        if line:
            name, limit = fields(line, 2, "sinfo")
            plain = name.removesuffix("*")
            found[plain] = Partition(name=plain, is_default=name.endswith("*"), max_time_min=_minutes(limit))
    return list(found.values())


def _minutes(text: str) -> int | None:
    """Read ``[days-[hours:]]minutes:seconds``; ``None`` where there is no limit."""
    if text in {"infinite", "UNLIMITED", "n/a"}:
        return None
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if found is None:
        raise UnparsableOutputError(f"sinfo gave {text!r} where a time limit belongs")
    days, hours, minutes, _seconds = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes
