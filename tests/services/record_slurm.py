"""Record what Slurm's commands really answer, for the tests of the parsers.

Run it from the folder ``tests``: ``python -m services.record_slurm``. It starts clusters of its own and
writes ``fixtures/slurm/<version>/<command>-<case>.txt``.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.endings import endings
from biomero.adapters.slurm.history import history
from biomero.adapters.slurm.load import array_limit, load
from biomero.adapters.slurm.sinfo import sinfo
from biomero.adapters.slurm.squeue import squeue
from biomero.adapters.slurm.submission import submit
from biomero.application.ports.shell import CommandResult
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobResources, JobSpec
from biomero.domain.job_script import JobScript
from services.lab_shell import LabShell
from services.processes import wait_until
from services.slurm_lab import SlurmLab

_FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"


class Recorder:
    """Submits jobs to a cluster and writes down what its commands say."""

    def __init__(self, lab: SlurmLab) -> None:
        version = re.search(r"\d+\.\d+", lab.run_as_root(["sinfo", "--version"]))
        assert version
        self._folder = _FIXTURES / version.group()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._shell = LabShell(lab)
        self._home = f"{lab.home}/recorded"
        self.lab = lab
        self.refs: dict[str, JobRef] = {}

    def run(self, command: Command) -> CommandResult:
        """Run a command on the login node."""
        return self._shell.run(command.argv, stdin=command.stdin, timeout_s=120)

    def record(self, name: str, command: Command, *, errors: bool = False) -> None:
        """Write down what a command says, or what it complains of."""
        done = self.run(command)
        (self._folder / f"{name}.txt").write_text(done.stderr if errors else done.stdout)

    def submit(
        self, key: str, *commands: tuple[str, ...], resources: JobResources | None = None, limit: int = 0
    ) -> Command:
        """Put a job in place, submit it, and return the command that did."""
        folder = f"{self._home}/{key}"
        one = commands[0] if len(commands) == 1 else ()
        script = JobScript(
            key=JobKey(key), folder=folder, command=one, array_commands=commands if not one else ()
        )
        put = 'mkdir -p "$1" && cat >"$1/job.sh"'
        assert self._shell.run(("sh", "-c", put, "sh", folder), stdin=script.text.encode()).ok
        spec = JobSpec(
            key=script.key,
            script=f"{folder}/job.sh",
            log=f"{folder}/log-%j",
            array_size=script.array_size,
            array_limit=limit or None,
            resources=resources or JobResources(),
        )
        command = submit(spec)
        found = re.search(r"biomero:job (\d+)", self.run(command).stdout)
        if found:
            job_id = SlurmJobId(int(found[1]))
            self.refs[key] = JobRef(key=spec.key, job_id=job_id, folder=folder, array_size=spec.array_size)
        return command

    def close(self) -> None:
        """Remove what the jobs left."""
        self._shell.run(("rm", "-rf", self._home))

    def has(self, key: str, state: str) -> Callable[[], bool]:
        """Return the question whether a job, or a task of it, is in a state."""

        def look() -> bool:
            return f"|{key}|{state}|" in self.run(squeue([self.refs[key].job_id])).stdout

        return look


def record_all(recorder: Recorder) -> None:
    """Record every command with accounting."""
    recorder.record("sinfo-partitions", sinfo())
    recorder.record("scontrol-config", array_limit())
    sleep = ("sleep", "600")
    asked = {
        "partition": JobResources(partition="nope"),
        "memory": JobResources(memory_mb=999999),
        "qos": JobResources(qos="nope"),
        "account": JobResources(account="nope"),
        "time": JobResources(time_limit_min=999999),
        "gres": JobResources(gres="gpu:9"),
        "constraint": JobResources(constraint="nope"),
        "policy": JobResources(qos="tiny", cpus=8),
        "option": JobResources(extra={"nonsense": ""}),
        "ways": JobResources(memory_mb=50, extra={"mem-per-cpu": "50M"}),
    }
    for case, resources in asked.items():
        command = recorder.submit(f"refused-{case}", ("true",), resources=resources)
        recorder.record(f"sbatch-refused-{case}", command, errors=True)
        if case == "partition":
            recorder.record("submit-refused-partition", command)
    recorder.submit("ended-well", ("true",))
    recorder.submit("failed", ("sh", "-c", "exit 42"))
    doubling = ("awk", 'BEGIN { x = "x"; while (1) x = x x }')
    recorder.submit("too-big", doubling, resources=JobResources(memory_mb=50))
    recorder.submit("array", ("true",), ("false",), sleep, sleep, sleep, sleep, limit=2)
    recorder.submit("cancelled", sleep)
    recorder.submit("requeued", ("sleep", "3"))
    for key in ("array", "cancelled", "requeued"):
        wait_until(recorder.has(key, "RUNNING"), f"{key} runs")
    wait_until(recorder.has("array", "FAILED"), "a task has failed")
    recorder.record("submit-found", recorder.submit("array", ("true",), ("false",)))
    recorder.lab.run_as_root(["scancel", f"--name={recorder.refs['cancelled'].key}"])
    recorder.lab.run_as_root(["scontrol", "requeue", str(recorder.refs["requeued"].job_id)])
    held = recorder.submit("held", sleep, resources=JobResources(extra={"hold": ""}))
    recorder.record("submit-held-again", held)
    later = JobResources(extra={"begin": "now+1hour"})
    recorder.submit("later", sleep, resources=later)
    wait_until(recorder.has("cancelled", "CANCELLED"), "the job is cancelled")
    wait_until(recorder.has("too-big", "OUT_OF_MEMORY"), "the job had too little memory")
    ids = [ref.job_id for ref in recorder.refs.values()]
    recorder.record("squeue-mixed", squeue(ids))
    recorder.record("load-mixed", load())
    recorder.record("history-mixed", history(None, None))
    recorder.record("squeue-unknown", squeue([SlurmJobId(987654)]))
    wait_until(recorder.has("requeued", "COMPLETED"), "the job ran again", timeout_s=60)
    gpus = JobResources(cpus=2, memory_mb=200, partition="gpu", gres="gpu:2")
    recorder.submit("with-gpus", ("sleep", "1"), resources=gpus)
    wait_until(recorder.has("with-gpus", "COMPLETED"), "the job with GPUs has ended", timeout_s=60)
    recorder.lab.run_as_root(["scancel", "--user=biomero-lab"])
    awaited = [str(r.job_id) for r in recorder.refs.values() if r.array_size is None]
    recorder.record("sacct-mixed", endings(list(recorder.refs.values()), awaited=awaited))


def record_without_accounting(recorder: Recorder) -> None:
    """Record how jobs ended where only their exit files tell."""
    recorder.submit("ended-well", ("true",))
    recorder.submit("array", ("true",), ("sh", "-c", "exit 3"))
    wait_until(recorder.has("array", "FAILED"), "a task has failed")
    wait_until(recorder.has("ended-well", "COMPLETED"), "the job has ended")
    recorder.record("sacct-disabled", endings(list(recorder.refs.values())))
    recorder.record("history-disabled", history(None, None))


def with_cluster(work: Callable[[Recorder], None], *, accounting: bool) -> None:
    """Start a cluster, record, and stop it."""
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        lab = SlurmLab(Path(parent) / "lab", tag="rec", accounting=accounting, min_job_age_s=300)
        try:
            lab.start(guarded=True)
            recorder = Recorder(lab)
            try:
                work(recorder)
            finally:
                recorder.close()
        finally:
            lab.stop()


def main() -> None:
    """Record everything about jobs; `services.record_slurm_health` records the rest."""
    with_cluster(record_all, accounting=True)
    with_cluster(record_without_accounting, accounting=False)
    subprocess.run(["git", "status", "--short", str(_FIXTURES)], check=False)


if __name__ == "__main__":
    main()
