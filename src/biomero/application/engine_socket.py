"""Where a worker and the programs beside it meet: both find it by the same rules."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "BIOMERO_ENGINE_SOCKET"
"""Names the socket for both sides."""


def state_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where this machine keeps the record of runs and what runs need meanwhile.

    >>> state_folder({"BIOMERO_STATE": "/var/lib/biomero"})
    PosixPath('/var/lib/biomero')
    """
    home = (
        environment.get("BIOMERO_STATE") or f"{environment.get('XDG_STATE_HOME') or '~/.local/state'}/biomero"
    )
    return Path(os.path.abspath(os.path.expanduser(home)))  # noqa: PTH100, PTH111 - pathlib's raises, keeps ..


def engine_socket(state: Path) -> Path:
    """Return the socket where nobody named another one, in a folder of its own."""
    return state / "engine" / "engine.sock"


def named_socket(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the socket as a program finds it that has no more than its environment."""
    named = environment.get(VARIABLE)
    return Path(named) if named else engine_socket(state_folder(environment))
