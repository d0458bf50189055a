"""The scripts about runs that exist: how they stand, ending them, and what their jobs print."""

from __future__ import annotations

from biomero.application.script_names import results
from biomero.entrypoints.omero_scripts.dialog import Dialog, Field, Kind
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.script import Script, run_script
from biomero.errors import InputError

_LINES = "Lines"
_DEFAULT_LINES = 50
_LAST = "last"


def _run_field(description: str, *, default: str | None = None) -> Field:
    return Field(
        name=results.WORKFLOW_UUID,
        kind=Kind.TEXT,
        grouping="01",
        description=description,
        default=default,
        optional=default is None,
    )


def get_update() -> None:
    """Be the script that says how runs stand."""
    field = _run_field("The run's id, or how it begins, or 'last'; your newest runs without one.")
    about = "Says how your runs stand."
    run_script(lambda _: Dialog(script="SLURM_Get_Update.py", description=about, fields=(field,)), show_runs)


def show_runs(script: Script, engine: Engine) -> bool:
    """Say how one run stands, or the newest."""
    wanted = str(script.inputs.get(results.WORKFLOW_UUID) or "").strip()
    runs = [engine.run(wanted)] if wanted else engine.runs()
    script.say("\n".join(str(run["sentence"]) for run in runs) or "You have no runs yet.")
    return True


def cancel_run() -> None:
    """Be the script that ends a run."""
    field = _run_field("The run's id, or how it begins (eight characters), or 'last'.", default=_LAST)
    about = "Ends a run of yours, and its jobs on the cluster. What is in OMERO already stays."
    run_script(lambda _: Dialog(script="Cancel_Run.py", description=about, fields=(field,)), end_run)


def end_run(script: Script, engine: Engine) -> bool:
    """Say that a run shall end."""
    run = engine.cancel(_named(script))
    if run["had_ended"]:
        script.say(f"It had ended before. {run['sentence']}")
    elif run["is_final"]:
        script.say(str(run["sentence"]))
    else:
        script.say(f"Run {run['id'][:8]} ({run['workflow']['name']}) is being ended, with its jobs.")
    return True


def tail_logs() -> None:
    """Be the script that shows logs."""
    fields = (
        _run_field("The run's id, or how it begins (eight characters), or 'last'.", default=_LAST),
        Field(
            name=_LINES,
            kind=Kind.INT,
            grouping="02",
            description="How many lines of each log.",
            default=_DEFAULT_LINES,
            minimum=1,
            maximum=1000,
        ),
    )
    about = "Shows what the jobs of a run print."
    run_script(lambda _: Dialog(script="Tail_Logs.py", description=about, fields=fields), show_logs)


def show_logs(script: Script, engine: Engine) -> bool:
    """Show the ends of the logs."""
    found = engine.logs(_named(script))
    lines = int(script.inputs.get(_LINES) or _DEFAULT_LINES)
    parts = [str(found["sentence"])]
    for name, text in found["logs"].items():
        parts += [f"── {name}", *text.splitlines()[-lines:]]
    if not found["logs"]:
        parts.append("There are no logs: no job has begun, or they are of long ago.")
    script.say("\n".join(parts))
    return True


def _named(script: Script) -> str:
    wanted = str(script.inputs.get(results.WORKFLOW_UUID) or "").strip()
    if not wanted:
        raise InputError(f"{results.WORKFLOW_UUID}: say which run")
    return wanted
