"""Run workflows on images, plates or what holds them."""

from __future__ import annotations

from collections import Counter

from biomero.application.script_names import RUN_WF_BATCHED_SCRIPT, RUN_WF_SCRIPT, results
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.follow import follow
from biomero.entrypoints.omero_scripts.run_dialog import run_dialog
from biomero.entrypoints.omero_scripts.run_order import orders
from biomero.entrypoints.omero_scripts.script import Script, run_script
from biomero.errors import EngineAbsentError, EngineRefusedError, InputError


def main(*, is_batched: bool = False) -> None:
    """Be the script."""
    name = RUN_WF_BATCHED_SCRIPT if is_batched else RUN_WF_SCRIPT
    run_script(
        lambda engine: run_dialog(engine, script=name, is_batched=is_batched),
        lambda script, engine: run_workflows(script, engine, is_batched=is_batched),
    )


def run_workflows(script: Script, engine: Engine, *, is_batched: bool = False) -> bool:
    """Ask for a run of each chosen workflow, and follow them to their ends."""
    known = {one["name"]: one for one in engine.workflows()}
    wanted = orders(script.inputs, known, job=script.job, is_batched=is_batched)
    runs = []
    for order in wanted:
        try:
            runs.append(engine.order(order))
        except (EngineAbsentError, EngineRefusedError) as exc:
            if not runs:
                raise
            begun = ", ".join(run["id"] for run in runs)
            raise InputError(f"{order['workflow']} was not started: {exc}. What goes on: {begun}") from exc
    script.give(results.WORKFLOW_UUID_OUTPUT, ",".join(run["id"] for run in runs))
    for note in [note for run in runs for note in run["notes"]]:
        script.say(note)
    is_well = follow(script, engine, runs)
    link_results(script, engine, [run["id"] for run in runs])
    return is_well


def link_results(script: Script, engine: Engine, run_ids: list[str]) -> None:
    """Give the objects at which results of runs are, for clients that show links."""
    places = dict.fromkeys(place for run_id in run_ids for place in engine.run(run_id)["results_at"])
    counts: Counter[str] = Counter()
    for place in places:
        kind, _, number = place.partition(":")
        counts[kind] += 1
        script.link(kind if counts[kind] == 1 else f"{kind}_{counts[kind]}", kind, int(number))
