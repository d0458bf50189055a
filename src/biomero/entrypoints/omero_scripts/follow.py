"""Showing how runs get on, until they have ended or wait for a person."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.script import Script
from biomero.errors import EngineAbsentError, EngineRefusedError

_FIRST_S = 1.0
_LONGEST_S = 15.0
_PATIENCE_S = 900.0
"""For how long the engine may be away, such as for an upgrade."""


def follow(
    script: Script,
    engine: Engine,
    runs: Sequence[Mapping[str, Any]],
    *,
    sleep: Callable[[float], None] = time.sleep,
    patience_s: float = _PATIENCE_S,
) -> bool:
    """Show how runs get on; say whether all ended well.

    Nothing happens to the runs when the following ends.
    """
    states = {str(run["id"]): run for run in runs}
    shown, pause, away_s = "", _FIRST_S, 0.0
    while True:
        text = "\n".join(_line(run) for run in states.values())
        if text != shown:
            script.say(text)
            shown, pause = text, _FIRST_S
        open_ones = [i for i, run in states.items() if not _is_at_rest(run)]
        if not open_ones:
            return all(run["is_success"] for run in states.values())
        sleep(pause)
        try:
            states.update({run_id: engine.run(run_id) for run_id in open_ones})
        except (EngineAbsentError, EngineRefusedError) as exc:
            away_s += pause
            if not exc.transient or away_s > patience_s:
                ids = ", ".join(open_ones)
                script.say(f"{shown}\nNobody says how it gets on ({exc}). The run itself goes on: {ids}")
                return False
        else:
            away_s = 0.0
        pause = min(pause * 1.5, _LONGEST_S)


def _is_at_rest(run: Mapping[str, Any]) -> bool:
    return bool(run["is_final"]) or run["status"] == "paused"


def _line(run: Mapping[str, Any]) -> str:
    progress = run["progress"]
    if _is_at_rest(run):
        return str(run["sentence"])
    parts = [str(run["sentence"])]
    if progress["total"]:
        parts.append(f"{progress['done']} of {progress['total']} {progress['unit']}.")
    if progress["message"]:
        parts.append(f"{progress['message']}.")
    return " ".join(parts)
