"""Checks of a compute node of each partition, by a small job that is submitted like any other."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import GIB, Examination
from biomero.application.doctor.findings import Finding
from biomero.application.doctor.login import clock_finding
from biomero.application.doctor.machine import size
from biomero.application.doctor.scripts import answers, script, shell_for
from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec, JobState
from biomero.domain.job_script import JobScript
from biomero.errors import ClusterError, RemoteCommandError, SubmissionRejectedError

_LITTLE_SPACE = 1 * GIB
_MEMORY_MB = 200
_TIME_LIMIT_MIN = 2
_UNKNOWN_S = 30.0
"""So long nobody may know a job before it is lost; accounting lags."""
_BUSY = ("", "None", "Priority", "Resources", "BeginTime", "JobArrayTaskLimit")
"""Reasons of jobs that wait on a healthy cluster."""

# What an examination that was killed left behind goes with the next one.
_MAKE = """
umask 077
mkdir -p -- "$1" && printf %s "$2" >"$1/token" && cat >"$1/job.sh" || exit
find "${1%/*}" -mindepth 1 -maxdepth 1 -type d -mmin +60 -exec rm -rf {} + 2>/dev/null
:
"""
# A network file system may take a moment to show what another machine has written.
_READ = """
cd -- "$1" || exit
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ ! -s answer ] || break
    ls >/dev/null
    sleep 0.5
done
cat answer 2>/dev/null
echo biomero:log
tail -n 5 -- *.log 2>/dev/null
:
"""
_REMOVE = 'rm -rf -- "$1"; rmdir -- "${1%/*}" 2>/dev/null; :'


@dataclass(slots=True, kw_only=True)
class _Probe:
    """The job of one partition."""

    partition: str | None
    folder: str
    token: str
    ref: JobRef
    submitted: float
    report: JobReport | None = None
    ended: float = 0.0

    @property
    def subject(self) -> str:
        return f"partition {self.partition}" if self.partition else "default partition"


def check_compute_nodes(examination: Examination) -> Iterator[Finding]:
    """Send a small job to each partition and read what it saw; nothing stays behind."""
    probes: list[_Probe] = []
    try:
        for partition in examination.partitions:
            if partition in examination.sick_partitions:
                continue
            try:
                probes.append(_submit(examination, partition))
            except SubmissionRejectedError as exc:
                yield Code.NODE_JOB.problem(f"partition {partition or '(default)'}", str(exc))
        _wait(examination, probes)
        for probe in probes:
            yield from _findings(examination, probe)
    finally:
        _clean(examination, probes)


def _submit(examination: Examination, partition: str | None) -> _Probe:
    token = secrets.token_hex(8)
    key = JobKey(f"biomero-doctor-{token}")
    folder = f"{examination.data_path}/doctor/{token}"
    settings = examination.settings
    modules = settings.container_modules
    executable = examination.executable if examination.needs_containers else ""
    text = JobScript(
        key=key,
        folder=folder,
        command=(
            *(*shell_for(modules), "-c", script("compute_node.sh"), "doctor"),
            *(executable, " ".join(modules)),
        ),
        prologue=settings.prologue,
    ).text
    done = examination.cluster.shell.run(("sh", "-c", _MAKE, "sh", folder, token), stdin=text.encode())
    if not done.ok:
        raise RemoteCommandError(f"the folder {folder} could not be made: {done.stderr.strip()}")
    ref = examination.cluster.scheduler.submit(
        JobSpec(
            key=key,
            script=f"{folder}/job.sh",
            log=f"{folder}/%j.log",
            resources=_resources(settings.resources, partition),
            comment="biomero doctor",
        )
    )
    now = examination.tools.clock.now().timestamp()
    return _Probe(partition=partition, folder=folder, token=token, ref=ref, submitted=now)


def _resources(configured: JobResources, partition: str | None) -> JobResources:
    """Ask for little, but as whom and where jobs are asked for."""
    return dataclasses.replace(
        configured,
        partition=partition,
        cpus=1,
        memory_mb=_MEMORY_MB,
        time_limit_min=_TIME_LIMIT_MIN,
        gres=None,
        gpus=None,
        mail_user=None,
        mail_type=None,
    )


def _wait(examination: Examination, probes: Sequence[_Probe]) -> None:
    """Wait until all have ended, or the time is over."""
    clock = examination.tools.clock
    deadline = clock.now().timestamp() + examination.job_timeout_s
    pause = 0.3
    while True:
        waiting = [p for p in probes if p.report is None or not p.report.is_final]
        known = examination.cluster.scheduler.report([p.ref for p in waiting]) if waiting else {}
        now = clock.now().timestamp()
        for probe in waiting:
            probe.report = known.get(probe.ref.job_id)
            probe.ended = now
        waiting = [
            p for p in waiting if not (p.report.is_final if p.report else now - p.submitted > _UNKNOWN_S)
        ]
        if not waiting or now >= deadline:
            return
        clock.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def _findings(examination: Examination, probe: _Probe) -> Iterator[Finding]:
    report = probe.report
    if report is None:
        yield Code.NODE_JOB.problem(probe.subject, f"job {probe.ref.job_id} is known to nobody any more")
    elif not report.is_final:
        yield _not_ended(examination, probe, report)
    else:
        yield from _read(examination, probe, report)


def _not_ended(examination: Examination, probe: _Probe, report: JobReport) -> Finding:
    task = report.tasks[0]
    seconds = examination.job_timeout_s
    if task.state is not JobState.PENDING:
        return Code.NODE_JOB.problem(
            probe.subject, f"job {report.job_id} did not end within {seconds:.0f} s; it is {task.state.text}"
        )
    reason = task.reason or "no reason is given"
    words = f"job {report.job_id} did not start within {seconds:.0f} s because: {reason}"
    if task.reason in _BUSY:
        return Code.NODE_WAITS.warning(probe.subject, words)
    return Code.NODE_WAITS.problem(probe.subject, words)


def _read(examination: Examination, probe: _Probe, report: JobReport) -> Iterator[Finding]:
    """Judge what the job left behind."""
    done = examination.cluster.shell.run(("sh", "-c", _READ, "sh", probe.folder))
    text, _, log = done.stdout.partition("biomero:log\n")
    said = dict(answers(text))
    task = report.tasks[0]
    ended = f"{task.state.text} {task.exit_code}:{task.signal}"
    where = f"{said.get('node') or task.usage.node or 'a node'}, {probe.subject}"
    if not said:
        if log.strip() and not report.is_success:
            tail = " | ".join(line for line in log.strip().splitlines() if line.strip())
            yield Code.NODE_JOB.problem(where, f"job {report.job_id} ended as {ended}: {tail}")
        else:
            yield Code.NODE_DATA.problem(
                where, f"job {report.job_id} ended as {ended} and left nothing in {probe.folder}"
            )
        return
    if said.get("token") == probe.token:
        yield Code.NODE_DATA.ok(where, f"sees {examination.data_path} and can write there")
    else:
        yield Code.NODE_DATA.problem(where, f"{probe.folder} has another content there")
    yield from _node(examination, probe, where, said)


def _node(examination: Examination, probe: _Probe, where: str, said: Mapping[str, str]) -> Iterator[Finding]:
    if examination.needs_containers:
        if said.get("runtime"):
            yield Code.RUNTIME.ok(where, said["runtime"])
        else:
            module = f"; the module {said['module']} cannot be loaded" if said.get("module") else ""
            yield Code.RUNTIME.problem(where, f"there is no {examination.executable}{module}")
    if said.get("python"):
        yield Code.NODE_PYTHON.ok(where, f"Python {said['python']}")
    else:
        yield Code.NODE_PYTHON.warning(where, "there is no python3")
    # between its submission and the time when we heard of its end
    yield clock_finding(where, said.get("time", ""), probe.submitted, probe.ended)
    blocks, _, block_size = said.get("room", "").partition(" ")
    if blocks.isdecimal() and block_size.isdecimal():
        free = int(blocks) * int(block_size)
        words = f"{size(free)} free for temporary files"
        yield (Code.NODE_SPACE.warning if free < _LITTLE_SPACE else Code.NODE_SPACE.ok)(where, words)


def _clean(examination: Examination, probes: Sequence[_Probe]) -> None:
    """End what still waits, and remove the folders; what fails here was said before."""
    with suppress(ClusterError):
        examination.cluster.scheduler.cancel([p.ref for p in probes if not (p.report and p.report.is_final)])
    for probe in probes:
        with suppress(ClusterError):
            examination.cluster.shell.run(("sh", "-c", _REMOVE, "sh", probe.folder))
