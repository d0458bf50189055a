"""How long it takes to open the form of Run Workflow, as OMERO does: in a process of its own, each time.

Starts the test server of OMERO (`tests/omero_server`) and a worker that knows the workflows of this
repository and thirty made-up ones, which are in its cache. A Processor starts the script so that it gives
its parameters to OMERO; this is done here with the same settings, without a grid around it::

    python benchmarks/open_form.py [REPEATS]

All is measured twice: as this machine is, and (root only) in a network namespace of its own, from which
nothing but the machine itself can be reached. The median counts; the first time, in which modules are
compiled, does not: pip does that when it installs them.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

import omero.clients  # noqa: E402 - after the path above
import omero.rtypes  # noqa: E402

from biomero.adapters.descriptors import CodeHosts  # noqa: E402
from biomero.adapters.descriptors.addresses import archive_path, parse_address  # noqa: E402
from services.biologist import omero_variables  # noqa: E402
from services.code_host import archive, code_host  # noqa: E402
from services.command import REPOSITORY as HERE  # noqa: E402
from services.command import User  # noqa: E402
from services.omero_server import PASSWORD, OmeroServer, omero_server_in  # noqa: E402
from services.worker_process import worker_process  # noqa: E402

MADE_UP, REPEATS = 30, 9
USER, GROUP = "alice", "lab"
SCRIPT = HERE / "src" / "biomero" / "entrypoints" / "omero_scripts" / "scripts" / "SLURM_Run_Workflow.py"
ALONE = "--alone"
PARSED = "omero.scripts.parse"
IMPORTS = {
    "Python itself": "pass",
    "imports of omero-py": "import omero.scripts, omero.rtypes, omero.constants.namespaces",
    "imports of BIOMERO": "import biomero.entrypoints.omero_scripts.run_workflow",
}


def user_with_workflows(home: Path, server: OmeroServer) -> User:
    """Return the account of a worker, in whose cache the made-up workflows are."""
    plain = json.loads((HERE / "workflows" / "nuclei-segmentation" / "descriptor.json").read_text())
    lines = ["[WORKFLOWS]"]
    with code_host() as host:
        hosts = CodeHosts(home / "cache" / "biomero" / "workflows", base_urls={"github.com": host.url})
        for number in range(MADE_UP):
            text = f"https://github.com/lab/made-up-{number}/tree/v1.0"
            address = parse_address(text)
            descriptor = json.dumps({**plain, "name": f"made-up-{number}"})
            host.archives[archive_path(address)] = archive({"descriptor.json": descriptor})
            hosts.fetch(address)
            lines.append(f"made_up_{number}_repo = {text}")
    settings = home / "slurm-config.ini"
    settings.write_text("\n".join(lines) + "\n")
    variables = omero_variables(server, home)
    return User(home=home, variables={**variables, "BIOMERO_SLURM_CONFIG_FILE": str(settings)})


def time_it(case: str, what: str, act: Callable[[], object], repeats: int) -> None:
    """Print how long some repeats took after a first one, and what processor time their processes had."""
    act()
    times, used = [], []
    for _ in range(repeats):
        began, before = time.perf_counter(), processor_time()
        act()
        times.append(time.perf_counter() - began)
        used.append(processor_time() - before)
    print(
        f"{case:16} {what:22} {median(times):6.2f} s, at most {max(times):5.2f} s; processor "
        f"{median(used):5.2f} s",
        flush=True,
    )


def processor_time() -> float:
    """Return what processes that were started here have had of processors."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def python(shell: User, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python as the Processor runs scripts, with all modules compiled, as pip leaves them."""
    compiled = {"PYTHONPYCACHEPREFIX": str(shell.home / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    return subprocess.run(
        (sys.executable, *words),
        env={**shell.env(), **compiled, **variables},
        cwd=shell.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def open_form(shell: User, client: omero.clients.BaseClient, config: Path) -> None:
    """Have the script give its form to OMERO, and look that it is all there."""
    done = python(shell, str(SCRIPT), ICE_CONFIG=str(config))
    given = client.getOutput(PARSED)
    fields = getattr(given and given.val, "inputs", {})
    for name in ("nuclei-segmentation", "made_up_0", f"made_up_{MADE_UP - 1}"):
        if name not in fields:
            sys.exit(f"no {name} in the form: {sorted(fields)}\n{done.stderr[-2000:]}")
    client.setOutput(PARSED, omero.rtypes.rint(0))


def measure(repeats: int, case: str) -> None:
    """Print a table of one case."""
    with tempfile.TemporaryDirectory() as folder, omero_server_in(Path(folder) / "omero") as server:
        server.add_user(USER, [server.add_group(GROUP) and GROUP])
        home = Path(folder) / "home"
        home.mkdir()
        shell = user_with_workflows(home, server)
        client = omero.client(server.host, server.tls_port)
        client.createSession(USER, PASSWORD)
        session = client.getSessionId()
        config = home / "ice.config"
        config.write_text(
            f"omero.host={server.host}\nomero.port={server.tls_port}\nomero.user={session}\n"
            f"omero.pass={session}\n{PARSED}=true\n"
        )
        with worker_process(shell):
            time_it(case, "the form, in all", lambda: open_form(shell, client, config), repeats)
            for what, code in IMPORTS.items():
                time_it(case, what, partial(python, shell, "-c", code), repeats)
        client.closeSession()


def main() -> None:
    """Measure and print."""
    given = [int(word) for word in sys.argv[1:] if word != ALONE]
    repeats = given[0] if given else REPEATS
    if ALONE in sys.argv:
        measure(repeats, "without network")
        return
    print(
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
        flush=True,
    )
    measure(repeats, "as it is")
    if os.geteuid() or not shutil.which("unshare"):
        print("without network: not measured, for that needs root and unshare")
        return
    again = (sys.executable, __file__, ALONE, str(repeats))
    lonely = ("unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
    subprocess.run((*lonely, *again), check=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
