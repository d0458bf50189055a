"""Put the results of a run that has ended into OMERO once more, with other wishes."""

from __future__ import annotations

from biomero.application.script_names import IMAGE_IMPORT_SCRIPT, results
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.follow import follow
from biomero.entrypoints.omero_scripts.results_dialog import results_dialog
from biomero.entrypoints.omero_scripts.results_order import results_order
from biomero.entrypoints.omero_scripts.run_workflow import link_results
from biomero.entrypoints.omero_scripts.script import Script, run_script


def main() -> None:
    """Be the script."""
    run_script(lambda _: results_dialog(IMAGE_IMPORT_SCRIPT), get_results)


def get_results(script: Script, engine: Engine) -> bool:
    """Ask for the import, and follow it to its end."""
    order = results_order(script.inputs, job=script.job)
    found = engine.put_results(order)
    if order["only_check"]:
        script.say(str(found["sentence"]))
        return True
    script.give(results.WORKFLOW_UUID_OUTPUT, found["id"])
    is_well = follow(script, engine, [found])
    link_results(script, engine, [found["id"]])
    return is_well
