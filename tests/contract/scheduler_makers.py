"""How the contract suite makes a scheduler of each kind, and jobs that do what a test needs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from biomero.adapters.local.scheduler import LocalScheduler
from biomero.adapters.slurm.scheduler import SlurmScheduler
from biomero.application.ports.scheduler import Scheduler
from biomero.domain.ids import JobKey
from biomero.domain.job import JobResources, JobSpec
from biomero.domain.job_script import JobScript
from biomero.testing.scheduler import FakeScheduler
from services.lab_shell import LabShell
from services.slurm_lab import SlurmLab


class Maker(Protocol):
    """Makes a scheduler and jobs for it."""

    @property
    def scheduler(self) -> Scheduler:
        """The scheduler under test."""
        ...

    def job(
        self, *exit_codes: int, waits: bool = False, is_array: bool = False, partition: str | None = None
    ) -> JobSpec:
        """Return a job, not yet submitted, that ends with these codes, at once or after `release`."""
        ...

    def release(self, spec: JobSpec) -> None:
        """Let a job end that waits."""
        ...

    def runs(self, spec: JobSpec) -> int:
        """Return how often the job's work was done."""
        ...


class FakeMaker:
    """Makes jobs that exist in memory only."""

    def __init__(self) -> None:
        self._codes: dict[JobKey, Sequence[int]] = {}
        self._runs: list[JobKey] = []
        self._fake = FakeScheduler(run=self._work)

    @property
    def scheduler(self) -> Scheduler:
        """See `Maker.scheduler`."""
        return self._fake

    def job(
        self, *exit_codes: int, waits: bool = False, is_array: bool = False, partition: str | None = None
    ) -> JobSpec:
        """See `Maker.job`."""
        key = new_key()
        self._codes[key] = exit_codes
        if waits:
            self._fake.hold(key)
        return JobSpec(
            key=key,
            script=f"/nowhere/{key}/job.sh",
            log=f"/nowhere/{key}/log",
            array_size=len(exit_codes) if is_array else None,
            resources=JobResources(partition=partition),
        )

    def release(self, spec: JobSpec) -> None:
        """See `Maker.release`."""
        self._fake.release(spec.key)

    def runs(self, spec: JobSpec) -> int:
        """See `Maker.runs`."""
        return self._runs.count(spec.key)

    def _work(self, spec: JobSpec, index: int | None) -> int:
        self._runs.append(spec.key)
        return self._codes[spec.key][index or 0]


_WORK = 'echo done >>"runs"; while [ -e hold ]; do sleep 0.1; done; exit "$1"'


class LocalMaker:
    """Makes jobs that run on this machine."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs"
        self.scheduler: Scheduler = LocalScheduler(folder / "spool")

    def job(
        self, *exit_codes: int, waits: bool = False, is_array: bool = False, partition: str | None = None
    ) -> JobSpec:
        """See `Maker.job`."""
        key = new_key()
        folder = self._runs / key
        script = script_for(key, str(folder), exit_codes, is_array=is_array)
        folder.mkdir(parents=True)
        (folder / "job.sh").write_text(script.text)
        if waits:
            (folder / "hold").touch()
        return spec_for(script, partition)

    def release(self, spec: JobSpec) -> None:
        """See `Maker.release`."""
        (self._runs / spec.key / "hold").unlink()

    def runs(self, spec: JobSpec) -> int:
        """See `Maker.runs`."""
        runs = self._runs / spec.key / "runs"
        return runs.read_text().count("done") if runs.exists() else 0


class SlurmMaker:
    """Makes jobs on a real cluster, in the home folder of its user."""

    def __init__(self, lab: SlurmLab) -> None:
        self.shell = LabShell(lab)
        self.folder = f"{lab.home}/{uuid.uuid4()}"
        self.scheduler: Scheduler = SlurmScheduler(self.shell, cluster="lab")

    def job(
        self, *exit_codes: int, waits: bool = False, is_array: bool = False, partition: str | None = None
    ) -> JobSpec:
        """See `Maker.job`."""
        key = new_key()
        script = script_for(key, f"{self.folder}/{key}", exit_codes, is_array=is_array)
        spec = self.put(script, partition=partition)
        if waits:
            self.shell.run(("touch", f"{script.folder}/hold"))
        return spec

    def put(self, script: JobScript, *, partition: str | None = None) -> JobSpec:
        """Put a script where the cluster sees it."""
        write = 'mkdir -p "$1" && cat >"$1/job.sh"'
        text = script.text.encode(errors="surrogateescape")
        assert self.shell.run(("sh", "-c", write, "sh", script.folder), stdin=text).ok
        return spec_for(script, partition)

    def release(self, spec: JobSpec) -> None:
        """See `Maker.release`."""
        assert self.shell.run(("rm", f"{self.folder}/{spec.key}/hold")).ok

    def runs(self, spec: JobSpec) -> int:
        """See `Maker.runs`."""
        return self.shell.run(("cat", f"{self.folder}/{spec.key}/runs")).stdout.count("done")

    def close(self) -> None:
        """Remove what the jobs left."""
        self.shell.run(("rm", "-rf", self.folder))


def new_key() -> JobKey:
    """Return a key that no job has."""
    return JobKey(f"contract-{uuid.uuid4()}")


def script_for(
    key: JobKey,
    folder: str,
    exit_codes: Sequence[int],
    *,
    is_array: bool,
    environment: Mapping[str, str] | None = None,
) -> JobScript:
    """Return the script of a job that ends with these codes."""
    commands = tuple(("sh", "-c", _WORK, "sh", str(code)) for code in exit_codes)
    if is_array:
        return JobScript(key=key, folder=folder, array_commands=commands, environment=environment or {})
    return JobScript(key=key, folder=folder, command=commands[0], environment=environment or {})


def spec_for(script: JobScript, partition: str | None = None) -> JobSpec:
    """Return what to submit for a script that is in place."""
    log = "log-%A_%a.txt" if script.array_size else "log-%j.txt"
    return JobSpec(
        key=script.key,
        script=f"{script.folder}/job.sh",
        log=f"{script.folder}/{log}",
        array_size=script.array_size,
        resources=JobResources(partition=partition),
    )
