"""Pulling images in jobs: where the login node must not, or cannot."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from biomero.adapters.containers.image_script import ImageTool
from biomero.application.ports.clock import Clock
from biomero.application.ports.image_store import ShowImage, WantedImage
from biomero.application.ports.scheduler import Scheduler
from biomero.application.ports.shell import RemoteShell
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec
from biomero.domain.job_script import JobScript
from biomero.errors import (
    BiomeroError,
    ContainerImageError,
    RemoteCommandError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
)

_FOLDER = ".pulls"
_SHORTEST_S = 1.0
_LONGEST_S = 30.0
_GROWTH = 1.3
_UNKNOWN_LOOKS = 10
"""A job that nobody knows in so many answers in a row is lost; accounting may lag some seconds."""

_MAKE = 'umask 077; mkdir -p -- "$1/$2" && cd -- "$1/$2" && pwd -P'
_WRITE = 'umask 077; cat >"$1.part" && mv -- "$1.part" "$1"'
_TAIL = 'cat -- "$1"/log-*.txt 2>/dev/null | tail -n 20'
# Of attempts that nobody waits for any more, nothing is needed when the image is there.
_REMOVE = 'cd -- "$1" && rm -rf -- "$2"* && cd .. && rmdir -- "$1" 2>/dev/null; :'


@dataclass(slots=True, kw_only=True)
class _Pull:
    """A pull that a job does."""

    wanted: WantedImage
    ref: JobRef
    unknown: int = 0
    outcome: BiomeroError | None = None
    is_over: bool = False
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullJobs:
    """Pulls images in jobs, all at the same time, and waits for them.

    A job of the same image that waits or runs already, from an attempt whose starter is gone, is waited for
    instead of another one.

    Parameters
    ----------
    resources
        What each job asks for.
    prologue
        Lines of bash from the cluster's configuration.
    environment
        Variables for the job.
    """

    shell: RemoteShell
    scheduler: Scheduler
    clock: Clock
    tool: ImageTool
    resources: JobResources = field(default_factory=JobResources)
    prologue: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, images: Sequence[WantedImage], show: ShowImage) -> list[BiomeroError | None]:
        """Pull images; ``None`` for each whose job ended well, so that the image can be looked for."""
        running = {job.name: job.job_id for job in self.scheduler.load().jobs if not job.state.is_final}
        pulls: list[_Pull | BiomeroError] = []
        for wanted in images:
            try:
                pulls.append(_Pull(wanted=wanted, ref=self._submitted(wanted, running)))
                show(wanted, "waiting for its job")
            except (SubmissionRejectedError, SchedulerUnavailableError, RemoteCommandError) as exc:
                pulls.append(exc)
        self._wait([pull for pull in pulls if isinstance(pull, _Pull)], show)
        return [pull.outcome if isinstance(pull, _Pull) else pull for pull in pulls]

    def _submitted(self, wanted: WantedImage, running: Mapping[str, SlurmJobId]) -> JobRef:
        prefix = _prefix(wanted)
        for name, job_id in running.items():
            if name.startswith(prefix):
                folder = self._made(wanted, name)
                return JobRef(key=JobKey(name), job_id=job_id, folder=folder)
        key = JobKey(f"{prefix}{uuid.uuid4().hex[:8]}")
        folder = self._made(wanted, key)
        script = JobScript(
            key=key,
            folder=folder,
            command=self.tool.command("pull", wanted),
            environment=self.environment,
            prologue=self.prologue,
        )
        path = f"{folder}/job.sh"
        self._must(_WRITE, path, stdin=script.text.encode(errors="surrogateescape"))
        spec = JobSpec(
            key=key,
            script=path,
            log=f"{folder}/log-%j.txt",
            resources=self.resources,
            comment="biomero pulls an image",
        )
        return self.scheduler.submit(spec)

    def _made(self, wanted: WantedImage, key: str) -> str:
        return self._must(_MAKE, wanted.folder, f"{_FOLDER}/{key}").splitlines()[-1]

    def _must(self, text: str, *words: str, stdin: bytes = b"") -> str:
        result = self.shell.run(("sh", "-c", text, "sh", *words), stdin=stdin)
        if not result.ok:
            raise RemoteCommandError(f"{words[0]} cannot be written: {result.stderr.strip()}")
        return result.stdout

    def _wait(self, pulls: Sequence[_Pull], show: ShowImage) -> None:
        pause = _SHORTEST_S
        while open_pulls := [pull for pull in pulls if not pull.is_over]:
            reports = self.scheduler.report([pull.ref for pull in open_pulls])
            for pull in open_pulls:
                self._follow(pull, reports.get(pull.ref.job_id), show)
            if not all(pull.is_over for pull in pulls):
                self.clock.sleep(pause)
                pause = min(pause * _GROWTH, _LONGEST_S)

    def _follow(self, pull: _Pull, report: JobReport | None, show: ShowImage) -> None:
        if report is None or not report.tasks:
            pull.unknown += 1
            if pull.unknown >= _UNKNOWN_LOOKS:
                pull.is_over = True
                pull.outcome = ContainerImageError(
                    f"the job {pull.ref.job_id} that pulls {pull.wanted.title} is known to nobody any more; "
                    "try again"
                )
            return
        task = report.tasks[0]
        if not report.is_final:
            words = f"job {pull.ref.job_id} {task.state.text}"
            if task.reason and task.reason != "None":
                words += f" ({task.reason})"
            show(pull.wanted, words)
            return
        pull.is_over = True
        said = self.shell.run(("sh", "-c", _TAIL, "sh", pull.ref.folder)).stdout
        if not report.is_success:
            pull.outcome = self._error(pull, task.state.text, task.exit_code, said)
        parent, _, _ = pull.ref.folder.rpartition("/")
        self.shell.run(("sh", "-c", _REMOVE, "sh", parent, _prefix(pull.wanted)))

    def _error(self, pull: _Pull, state: str, exit_code: int | None, said: str) -> BiomeroError:
        if state == "FAILED" and exit_code:
            return self.tool.failure(pull.wanted, exit_code, said)
        return ContainerImageError(
            f"the job {pull.ref.job_id} that pulls {pull.wanted.title} ended as {state}; it asked for "
            f"{self.resources.cpus or 'the default number of'} CPUs and "
            f"{self.resources.memory_mb or 'the default'} MB of memory"
        )


def _prefix(wanted: WantedImage) -> str:
    """Return how the names of an image's jobs begin."""
    identity = f"{wanted.folder}\0{wanted.subfolder}\0{wanted.source}"
    return f"biomero-pull-{hashlib.sha256(identity.encode()).hexdigest()[:12]}-"
