"""Checks of a worker in OMERO.grid: the grid, its one processor, and a script there and back."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import Tools
from biomero.application.doctor.findings import Finding, Level, Place
from biomero.application.ports.omero_grid import OmeroGridProbe
from biomero.application.script_settings import DATABASE, settings_from
from biomero.errors import ConfigurationError, OmeroScriptError, OmeroUnavailableError

_SCRIPT_TIMEOUT_S = 60.0
# names only: values may be secrets, and OMERO keeps what scripts print
SCRIPT = """
import importlib.metadata
import json
import os

import omero.scripts

client = omero.scripts.client("biomero_doctor.py", "Shows BIOMERO's doctor how scripts run on its worker.")
print(json.dumps({"variables": sorted(os.environ), "biomero": importlib.metadata.version("biomero")}))
client.closeSession()
"""


def check_omero(tools: Tools, *, quick: bool) -> Iterator[Finding]:
    """Look at the grid from this worker; nothing where this machine is none of its nodes."""
    if tools.grid is None:
        return
    for finding in _check(tools.grid, quick=quick):
        yield dataclasses.replace(finding, place=Place.OMERO)


def _check(grid: OmeroGridProbe, *, quick: bool) -> Iterator[Finding]:
    try:
        nodes = grid.nodes()
        yield Code.GRID.ok(grid.name, f"its nodes: {', '.join(sorted(nodes))}")
        is_served = False
        for finding in _check_processors(grid):
            yield finding
            is_served = finding.level is Level.OK
    except OmeroUnavailableError as exc:
        yield Code.GRID.problem(grid.name, str(exc))
        return
    if is_served and not quick:
        yield from _check_script(grid)


def _check_processors(grid: OmeroGridProbe) -> Iterator[Finding]:
    servers = grid.script_servers()
    active = [server for server in servers if server.is_active]
    named = ", ".join(f"{s.name} on {s.node}" for s in active or servers)
    if not servers:
        yield Code.PROCESSOR.problem("Processor-0", "OMERO is configured to have none")
    elif not active:
        yield Code.PROCESSOR.problem("Processor-0", f"it is configured ({named}), but does not run")
    elif len(active) > 1:
        yield Code.PROCESSOR.problem("Processor-0", f"more than one takes scripts, any of them each: {named}")
    elif grid.node and active[0].node != grid.node:
        yield Code.PROCESSOR.problem("Processor-0", f"it runs as {named}, and not on this node, {grid.node}")
    else:
        yield Code.PROCESSOR.ok("Processor-0", f"scripts run in {named}, and nowhere else")


def _check_script(grid: OmeroGridProbe) -> Iterator[Finding]:
    try:
        said = json.loads(grid.run_script(SCRIPT, timeout_s=_SCRIPT_TIMEOUT_S))
    except (OmeroScriptError, OmeroUnavailableError) as exc:
        yield Code.OMERO_SCRIPT.problem("a script", str(exc))
        return
    except ValueError:
        yield Code.OMERO_SCRIPT.problem("a script", "what it printed did not come back")
        return
    yield Code.OMERO_SCRIPT.ok("a script", f"it ran there and back, with BIOMERO {said['biomero']}")
    yield from _check_variables(set(said["variables"]))


def _check_variables(seen: set[str]) -> Iterator[Finding]:
    """Compare what a script saw with what this environment says that it shall see."""
    try:
        settings = settings_from(os.environ)
    except ConfigurationError as exc:
        yield Code.VARIABLES.problem("scripts", str(exc))
        return
    wanted = set(settings.forwarded(os.environ))
    if DATABASE in seen - wanted:
        yield Code.VARIABLES.problem("scripts", f"they see {DATABASE}, which was not asked for")
    elif missing := sorted(wanted - seen):
        yield Code.VARIABLES.warning("scripts", f"they do not see {', '.join(missing)}")
    else:
        yield Code.VARIABLES.ok("scripts", f"they see {len(wanted)} variables of this worker, as configured")
