"""``sinfo``: which nodes of which partition could run a job."""

from __future__ import annotations

import re

from biomero.adapters.slurm.command import Command
from biomero.application.ports.scheduler_health import NodesInState, PartitionHealth
from biomero.errors import UnparsableOutputError

_SCRIPT = """
unset SINFO_FORMAT SINFO_PARTITION SINFO_SORT SINFO_STATES
echo biomero:nodes
exec sinfo --noheader --format='%P|%a|%D|%T|%N|%E'
"""
_FIELDS = 6
# A star (no answer), a minus (planned for others by backfill) and signs of power saving may follow a state.
_STATE = re.compile(r"(?P<word>[a-z_+]+)(?P<signs>[*~#!%$@^-]*)")
_USABLE = frozenset(
    {
        *("allocated", "allocated+", "completing", "idle", "mixed", "planned", "reserved"),
        *("power_down", "powered_down", "powering_down", "power_up", "powering_up"),
    }
)


def node_states() -> Command:
    """Return the command that lists the nodes of all partitions, a row for each state and reason."""
    return Command(argv=("sh", "-c", _SCRIPT))


def parse_node_states(stdout: str) -> list[PartitionHealth]:
    """Read the answer; a partition without nodes has a row with none.

    Raises
    ------
    UnparsableOutputError
        If a row cannot be understood.
    """
    found: dict[str, PartitionHealth] = {}
    for line in stdout.partition("biomero:nodes\n")[2].splitlines():
        if not line:
            continue
        values = line.split("|", _FIELDS - 1)  # a reason, the last one, is free text
        if len(values) != _FIELDS or not values[2].isdecimal():
            raise UnparsableOutputError(f"sinfo answered with a row that we do not understand: {line!r}")
        name, state, count, node_state, names, reason = values
        plain = name.removesuffix("*")
        known = found[plain].nodes if plain in found else ()
        nodes = NodesInState(
            names=names,
            count=int(count),
            state=node_state,
            is_usable=is_usable(node_state),
            reason="" if reason == "none" else reason,
        )
        found[plain] = PartitionHealth(
            name=plain,
            is_default=name.endswith("*"),
            state=state,
            is_up=state == "up",
            nodes=(*known, *((nodes,) if nodes.count else ())),
        )
    return list(found.values())


def is_usable(state: str) -> bool:
    """Say whether nodes in that state run jobs now, or will without anybody's help.

    >>> is_usable("idle~"), is_usable("idle*"), is_usable("draining")
    (True, False, False)
    """
    match = _STATE.fullmatch(state)
    return match is not None and match["word"] in _USABLE and "*" not in match["signs"]
