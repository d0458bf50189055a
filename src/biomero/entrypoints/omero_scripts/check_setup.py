"""The script that looks whether runs can work."""

from __future__ import annotations

from biomero.entrypoints.omero_scripts.dialog import Dialog
from biomero.entrypoints.omero_scripts.engine import Engine
from biomero.entrypoints.omero_scripts.script import Script, run_script

_ABOUT = "Looks whether the engine, the clusters and the workflows are as runs need them. Changes nothing."


def main() -> None:
    """Be the script."""
    run_script(lambda _: Dialog(script="SLURM_check_setup.py", description=_ABOUT), check)


def check(script: Script, engine: Engine) -> bool:
    """Say what is wrong, and what helps."""
    found = engine.check()
    absent = [f"{one['name']}: {one['error']}" for one in engine.workflows() if one.get("error")]
    counts = found["counts"]
    lines = [f"{counts['ok']} checks went well; {counts['problem']} problems, {counts['warning']} warnings."]
    for finding in found["findings"]:
        where = f"{finding['cluster']}: " if finding["cluster"] else ""
        lines.append(f"{finding['level']}  {where}{finding['subject']}: {finding['message']}")
        if finding["remedy"]:
            lines.append(f"    {finding['remedy']}")
    lines += [f"workflow  {text}" for text in absent]
    script.say("\n".join(lines))
    return bool(found["ok"])
