"""The script by which an administrator has clusters ready for runs."""

from __future__ import annotations

import time
from collections.abc import Callable

from biomero.entrypoints.omero_scripts.dialog import Dialog
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.script import Script, run_script, sentence

_ABOUT = (
    "For administrators: makes folders on the clusters, fetches workflows and pulls their container images. "
    "What is there already stays, and so does the record of runs. It goes on if this script ends."
)
_PAUSE_S = 3.0


def main() -> None:
    """Be the script."""
    run_script(lambda _: Dialog(script="SLURM_Init_environment.py", description=_ABOUT), prepare)


def prepare(script: Script, engine: Engine, *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Have clusters ready, and say what could not be had."""
    found, shown = engine.ask("POST", "/v1/prepare", {}), ""
    while found["is_running"]:
        if found["message"] != shown:
            shown = found["message"]
            script.say(sentence(shown))
        sleep(_PAUSE_S)
        found = engine.ask("GET", "/v1/prepare")
    if found["error"]:
        script.say(sentence(found["error"]))
        return False
    failed = [item for item in found["items"] if not item["is_well"]]
    lines = [f"{len(found['items']) - len(failed)} of {len(found['items'])} things that runs need are there."]
    lines += [f"{item['kind']} {item['name']}: {item['detail']}" for item in failed]
    script.say("\n".join(lines))
    return not failed
