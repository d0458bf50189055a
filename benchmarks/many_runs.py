"""What many small runs at once cost a cluster, beside the same jobs submitted by hand.

Starts a real Slurm cluster with a real sshd (root). One engine drives all runs, over one SSH connection. Then
the very same job scripts are submitted with ``sbatch`` on the login node, by a script that waits for them
with ``squeue``. Prints one table::

    python benchmarks/many_runs.py [RUNS [COMMANDS_A_SECOND]]

The second number is how many remote commands the login node is sent a second; 2 if not given, as in a
worker whose settings say nothing.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from biomero.application.engine.door import OpenDoor  # noqa: E402 - after the path above
from biomero.application.engine.engine import Engine, EngineSettings  # noqa: E402
from biomero.application.ports.clusters import Cluster  # noqa: E402
from biomero.application.ports.run_queue import Limits, Pool, QueueState  # noqa: E402
from biomero.application.record_json import job_from_json  # noqa: E402
from biomero.application.services import Services  # noqa: E402
from biomero.application.submit_run import Order, accept_order, check_order  # noqa: E402
from biomero.bootstrap import make_services, settings_for  # noqa: E402
from biomero.domain.ids import RunId  # noqa: E402
from biomero.domain.job import JobRef  # noqa: E402
from services.command import THRESHOLD, image_file  # noqa: E402
from services.slurm_lab import SlurmLab  # noqa: E402

# As a person would: one loop on the login node that asks for all jobs of the account.
_BY_HAND = 'while [ -n "$(squeue --noheader --me --format=%i)" ]; do sleep 2; done'


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What some runs have cost.

    Parameters
    ----------
    in_jobs_s
        From the first job's submission to the last one's end, by Slurm's account.
    """

    wall_s: float
    in_jobs_s: float
    logins: int
    commands: int
    looks: int = 0


def orders(folder: Path, services: Services, number: int) -> list[RunId]:
    """Accept runs of one image each."""
    (folder / "images").mkdir(exist_ok=True)
    accepted = []
    for n in range(number):
        name = f"{time.monotonic_ns()}"
        order = Order(
            workflow=str(THRESHOLD),
            images=[image_file(folder / "images" / f"cell-{name}.tif", seed=n)],
            results=folder / "results" / name,
            runtime="process",
            keep=True,
            requested_by=f"user {n % 5}",
        )
        accepted.append(accept_order(check_order(order, services), services))
    return accepted


def by_engine(services: Services, cluster: Cluster, runs: Sequence[RunId], lab: SlurmLab) -> Cost:
    """Drive the runs to their end."""
    limits = Limits(pools={Pool.STAGE: 4, Pool.SUBMIT: 4, Pool.FETCH: 4, Pool.DELIVER: 2})
    engine = Engine(
        services.queue,
        services.record,
        OpenDoor(services=services, cluster=cluster),
        services.worker,
        services.clock,
        settings=EngineSettings(limits=limits),
    )
    before = cluster.shell.counts.logins, cluster.shell.counts.commands
    begin = time.perf_counter()
    thread = threading.Thread(target=engine.run)
    thread.start()
    try:
        while any(state is not QueueState.ENDED for _, state, _ in services.queue.counts()):
            assert thread.is_alive(), "the engine ended"
            time.sleep(0.5)
        wall = time.perf_counter() - begin
    finally:
        engine.stop()
        thread.join()
    ended = Counter(services.record.get(run_id).status.value for run_id in runs)
    assert ended == {"done": len(runs)}, ended
    return Cost(
        wall_s=wall,
        in_jobs_s=in_jobs(lab, [str(ref.job_id) for run_id in runs for ref in jobs_of(services, run_id)]),
        logins=cluster.shell.counts.logins - before[0],
        commands=cluster.shell.counts.commands - before[1],
        looks=engine.watching.looks,
    )


def jobs_of(services: Services, run_id: RunId) -> list[JobRef]:
    """Return a run's jobs, the conversion first."""
    return [job_from_json(job["job"]) for job in services.record.get(run_id).jobs.values()]


def submit_line(lab: SlurmLab, ref: JobRef) -> list[str]:
    """Return the words with which a job was submitted, without the comment, which has spaces."""
    said = lab.run_as_root(["sacct", "-n", "-P", "-X", "--format=SubmitLine", f"--jobs={ref.job_id}"])
    return re.sub(r" --comment=biomero run \S+", "", said).split()


def in_jobs(lab: SlurmLab, ids: Sequence[str]) -> float:
    """Return the seconds from the first job's submission to the last one's end, by accounting."""
    deadline = time.monotonic() + 60
    while True:
        argv = ["sacct", "-n", "-P", "-X", "--format=Submit,End,State", f"--jobs={','.join(ids)}"]
        rows = [row.split("|") for row in lab.run_as_root(argv).split()]
        if len(rows) == len(ids) and all(end != "Unknown" for _, end, _ in rows):
            break
        assert time.monotonic() < deadline, "accounting does not have all jobs"
        time.sleep(1)
    assert {state for *_, state in rows} == {"COMPLETED"}, rows
    first = min(datetime.fromisoformat(submit) for submit, *_ in rows)
    last = max(datetime.fromisoformat(end) for _, end, _ in rows)
    return (last - first).total_seconds()


def by_hand(folder: Path, lab: SlurmLab, services: Services, runs: Sequence[RunId]) -> Cost:
    """Submit the very same scripts again with ``sbatch``, and wait for them."""
    lines = []
    for run_id in runs:
        jobs = jobs_of(services, run_id)
        # as before the jobs: a script works once only, and what it wrote is not to be found done already
        here = f"cd {shlex.quote(jobs[0].folder)} && rm -rf claim.* exit.* in/* out/* tmp/reports/*"
        lab.run_as_root(["sh", "-c", here])
        after = ""
        for ref in jobs:
            program, *words = submit_line(lab, ref)
            lines.append(f'id=$({program} {after}{shlex.join(words)}) && echo "$id" || exit')
            after = "--dependency=afterok:$id "
    script = folder / "by-hand.sh"
    script.write_text("\n".join(["set -u", *lines, _BY_HAND]))
    begin = time.perf_counter()
    done = lab.run_as_user(["sh", str(script)], timeout_s=3600)
    wall = time.perf_counter() - begin
    assert done.returncode == 0, done.stderr.decode()
    ids = done.stdout.decode().split()
    return Cost(wall_s=wall, in_jobs_s=in_jobs(lab, ids), logins=1, commands=1)


def commands_of_a_look(services: Services, cluster: Cluster, runs: Sequence[RunId]) -> int:
    """Return how many remote commands it takes to ask about all jobs at once."""
    refs = [ref for run_id in runs for ref in jobs_of(services, run_id)]
    before = cluster.shell.counts.commands
    cluster.scheduler.report(refs)
    return cluster.shell.counts.commands - before


def main() -> None:
    """Measure and print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    folder = Path(tempfile.mkdtemp(prefix="biomero-benchmark-"))
    folder.chmod(0o755)
    lab = SlurmLab(folder / "lab")
    try:
        lab.start(guarded=True)
        config = folder / "slurm-config.ini"
        most = sys.argv[2] if len(sys.argv) > 2 else "2"  # noqa: PLR2004 - the second word
        config.write_text(f"[SLURM]\nslurm_data_path = biomero/data\nssh_commands_per_second = {most}\n")
        settings = settings_for(config=config, cluster=lab.alias, ssh_config=lab.ssh_config)
        services = make_services(replace(settings, state_folder=folder / "state"))
        print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}; "
            f"at most {most} remote commands a second"
        )
        with services.clusters.open(services.settings.cluster) as cluster:
            measure(folder, lab, services, cluster, number)
        services.record.close()
    finally:
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, lab: SlurmLab, services: Services, cluster: Cluster, number: int) -> None:
    """Print the table."""
    by_engine(services, cluster, orders(folder, services, 1), lab)  # makes the environments, logs in
    runs = orders(folder, services, number)
    ours = by_engine(services, cluster, runs, lab)
    a_look = commands_of_a_look(services, cluster, runs)
    theirs = by_hand(folder, lab, services, runs)
    print(f"{number} runs of one image, two jobs each; load {os.getloadavg()[0]:.1f} at the end")
    print(f"{'':28}{'engine':>10}{'by hand':>10}{'ratio':>8}")
    for words, a, b in (
        ("wall time, s", ours.wall_s, theirs.wall_s),
        ("first submission to last end", ours.in_jobs_s, theirs.in_jobs_s),
    ):
        print(f"{words:28}{a:10.1f}{b:10.1f}{a / b:8.2f}")
    print(f"SSH logins while they ran: {ours.logins} (one before, for all)")
    print(
        f"remote commands: {ours.commands}, {ours.commands / number:.2f} a run, without those of looks ",
        end="",
    )
    print(f"{(ours.commands - ours.looks * a_look) / number:.2f}")
    print(f"looks of the watcher: {ours.looks}, {a_look} remote commands each, whatever the number of jobs")


if __name__ == "__main__":
    main()
