"""A walk at random: faults are drawn from a seed, one after the other, while runs come and go.

As a program (in the folder ``tests``)::

    python -m faults.chaos COUNT [SEED]

It prints the seed, every fault, and in the end the auditor's report; its exit code says what that found.
"""

from __future__ import annotations

import random
import secrets
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from biomero.application.settings import AnalyticsSettings
from biomero.bootstrap import open_tracking
from faults.chaos_faults import FAULTS
from faults.scene import Scene, set_scene
from faults.walk import Walk, say
from services.lab_programs import lab_programs
from services.link import Link
from services.postgres import PostgresServer
from services.slurm_lab import SlurmLab


def walk_at_random(count: int, seed: int) -> int:
    """Start everything, break it, and return how many findings the auditor has."""
    say(f"chaos: {count} faults, SEED={seed}")
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="biomero-chaos-")))
        open_home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="biomero-chaos-lab-")))
        open_home.chmod(0o755)
        lab = SlurmLab(open_home / "lab")
        stack.callback(lab.stop)
        lab.start(guarded=True)
        server = PostgresServer(Path(stack.enter_context(tempfile.TemporaryDirectory())), keeps_commits=True)
        stack.callback(server.halt)
        server.start()
        template = open_tracking(AnalyticsSettings(database_url=server.template()), home)
        template.catch_up()
        template.close()
        scene = Scene(
            home=home,
            database=server.database(),
            lab=lab,
            link=stack.enter_context(Link(lab.login_node.port)),
            programs=stack.enter_context(lab_programs(lab)),
            postgres=server,
        )
        stages = set_scene(scene)
        next(stages)
        stack.callback(lambda: next(stages, None))
        workers = [stack.enter_context(scene.supervised(name)) for name in ("one", "two")]
        walk = Walk(scene=scene, workers=workers, draw=random.Random(seed))  # noqa: S311 - the same walk again
        walk.go(count, FAULTS)
        say("nothing is broken any more")
        walk.finish()
        report = scene.audit()
        starts = sum(worker.starts for worker in workers)
        say(f"{starts} workers were started; SEED={seed}")
        if report.findings:
            for log in sorted(home.glob("*.log")):
                say(f"== {log.name}\n{log.read_text(errors='replace')[-20000:]}")
    return len(report.findings)


def main() -> None:
    """Walk."""
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else secrets.randbelow(1_000_000)
    sys.exit(1 if walk_at_random(int(sys.argv[1]), seed) else 0)


if __name__ == "__main__":
    main()
