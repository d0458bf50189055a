"""What only a real cluster can show."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from biomero.adapters.slurm.scheduler import SlurmScheduler
from biomero.application.ports.shell import CommandResult
from biomero.domain.ids import JobKey, SlurmJobId
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec, JobState, TaskReport
from biomero.domain.job_script import JobScript
from biomero.errors import SchedulerUnavailableError, SubmissionRejectedError
from contract.scheduler_makers import SlurmMaker
from services.lab_programs import LabPrograms
from services.lab_shell import LabShell
from services.processes import wait_until
from services.slurm_lab import SlurmLab

pytestmark = pytest.mark.slurm
SLOW = 'sleep 4; exec "$real" "$@"'
LATE = '"$real" "$@"; code=$?; sleep 4; exit $code'
HOSTILE = "a b;$(touch pwned)'\"`touch pwned`\r\n#SBATCH --partition=nope\n.tif"


def until(make: SlurmMaker, ref: JobRef, holds: Callable[[JobReport], bool]) -> JobReport:
    found: list[JobReport] = []

    def look() -> bool:
        report = make.scheduler.report([ref]).get(ref.job_id)
        found[:] = [] if report is None else [report]
        return report is not None and holds(report)

    try:
        wait_until(look, f"{ref.key} is as expected", timeout_s=90)
    except TimeoutError as exc:
        asked = make.shell.run(("sacct", "--parsable2", f"--jobs={ref.job_id}"))
        raise AssertionError(f"{ref.key}: {found}\n{asked.stdout}") from exc
    return found[0]


def in_state(state: JobState) -> Callable[[JobReport], bool]:
    return lambda report: any(task.state is state for task in report.tasks)


def end(make: SlurmMaker, ref: JobRef) -> TaskReport:
    return until(make, ref, lambda report: report.is_final).tasks[0]


def job(make: SlurmMaker, *command: str, resources: JobResources | None = None) -> JobSpec:
    key = JobKey(f"real-{uuid.uuid4()}")
    spec = make.put(JobScript(key=key, folder=f"{make.folder}/{key}", command=command))
    return replace(spec, resources=resources or JobResources())


def read(make: SlurmMaker, ref: JobRef, name: str) -> str:
    return make.shell.run(("cat", f"{ref.folder}/{name}")).stdout


def jobs_called(lab: SlurmLab, key: str) -> int:
    return len(lab.run_as_root(["squeue", "-h", "-t", "all", f"--name={key}", "-o", "%i"]).split())


def test_a_job_over_its_memory_is_named_so(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    doubling = ("awk", 'BEGIN { x = "x"; while (1) x = x x }')
    spec = job(make, *doubling, resources=JobResources(memory_mb=100))
    task = end(make, make.scheduler.submit(spec))
    # Where the machine has no control groups, Slurm looks and kills, which it calls a failure.
    expected = JobState.OUT_OF_MEMORY if slurm_lab.has_cgroups else JobState.FAILED
    assert task.state is expected
    assert not task.state.is_success


def test_an_array_task_over_its_memory_leaves_the_others_alone(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    key = JobKey(f"real-{uuid.uuid4()}")
    doubling = ("awk", 'BEGIN { x = "x"; while (1) x = x x }')
    commands = (("true",), doubling, ("true",))
    spec = make.put(JobScript(key=key, folder=f"{make.folder}/{key}", array_commands=commands))
    ref = make.scheduler.submit(replace(spec, resources=JobResources(memory_mb=100)))
    report = until(make, ref, lambda report: report.is_final)
    killed = JobState.OUT_OF_MEMORY if slurm_lab.has_cgroups else JobState.FAILED
    assert [task.state for task in report.tasks] == [JobState.COMPLETED, killed, JobState.COMPLETED]


def test_twenty_submissions_at_once_make_one_job(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    for _ in range(3):
        spec = job(make, "true")
        with ThreadPoolExecutor(20) as pool:
            refs = set(pool.map(lambda _, spec=spec: make.scheduler.submit(spec), range(20)))
        assert len(refs) == 1
        assert jobs_called(slurm_lab, spec.key) == 1


def test_a_job_is_found_again_by_name_when_the_note_was_lost(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    spec = make.job(0, waits=True)
    ref = make.scheduler.submit(spec)
    note, claim = f"{ref.folder}/job.{spec.key}", f"{ref.folder}/claim.{spec.key}"
    wait_until(lambda: make.runs(spec) == 1, "the program runs")
    assert make.shell.run(("rm", "-r", note, claim)).ok
    assert make.scheduler.submit(spec) == ref
    make.release(spec)
    assert end(make, ref).state is JobState.COMPLETED
    # Now the controller forgets it as well, and only accounting knows the name.
    assert make.shell.run(("rm", note)).ok
    wait_until(lambda: jobs_called(slurm_lab, spec.key) == 0, "the controller forgets", timeout_s=90)
    assert make.scheduler.submit(spec) == ref


def test_a_job_that_was_refused_is_not_found_by_name(make: SlurmMaker) -> None:
    spec = job(make, "true", resources=JobResources(memory_mb=999999))
    for _ in range(2):
        # Slurm gives it an id and keeps a row of it all the same.
        with pytest.raises(SubmissionRejectedError, match="Memory specification"):
            make.scheduler.submit(spec)
    better = replace(spec, resources=JobResources())
    assert end(make, make.scheduler.submit(better)).state is JobState.COMPLETED


def test_hostile_words_reach_the_program_and_nothing_else(make: SlurmMaker) -> None:
    spec = job(make, "printf", "<%s>", HOSTILE)
    ref = make.scheduler.submit(replace(spec, comment=HOSTILE))
    assert end(make, ref).state is JobState.COMPLETED
    log = make.shell.run(("sh", "-c", 'cat "$1"/log-*', "sh", ref.folder)).stdout
    assert f"<{HOSTILE}>" in log
    found = make.shell.run(("find", make.folder, "-name", "pwned"))
    assert (found.stdout, make.shell.run(("ls", "pwned")).ok) == ("", False)


def test_a_held_job_waits_and_says_why(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    ref = make.scheduler.submit(job(make, "true", resources=JobResources(extra={"hold": ""})))
    report = until(make, ref, lambda report: report.tasks[0].reason == "JobHeldUser")
    assert (report.tasks[0].state, report.queue_position) == (JobState.PENDING, None)
    slurm_lab.run_as_root(["scontrol", "release", str(ref.job_id)])
    assert end(make, ref).state is JobState.COMPLETED


def test_a_requeued_job_goes_on_under_its_id(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    ref = make.scheduler.submit(
        job(make, "sh", "-c", "echo ran >>runs; while [ ! -e go ]; do sleep 0.1; done")
    )
    until(make, ref, in_state(JobState.RUNNING))
    wait_until(lambda: read(make, ref, "runs") == "ran\n", "the program runs")
    slurm_lab.run_as_root(["scontrol", "requeue", str(ref.job_id)])
    until(make, ref, in_state(JobState.PENDING))
    assert make.shell.run(("touch", f"{ref.folder}/go")).ok
    assert end(make, ref).state is JobState.COMPLETED
    assert read(make, ref, "runs") == "ran\nran\n"


def test_a_suspended_job_has_not_ended(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    ref = make.scheduler.submit(job(make, "sleep", "600"))
    until(make, ref, in_state(JobState.RUNNING))
    slurm_lab.run_as_root(["scontrol", "suspend", str(ref.job_id)])
    assert not until(make, ref, in_state(JobState.SUSPENDED)).is_final
    slurm_lab.run_as_root(["scontrol", "resume", str(ref.job_id)])
    make.scheduler.cancel([ref])
    assert end(make, ref).state is JobState.CANCELLED


class ShellWithPrograms(LabShell):
    """A login node on whose PATH some programs stand before Slurm's."""

    def __init__(self, lab: SlurmLab, folder: Path) -> None:
        super().__init__(lab)
        self._path = f"{folder}:{lab.env['PATH']}"

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        return super().run(argv, stdin=stdin, env={**(env or {}), "PATH": self._path}, timeout_s=timeout_s)


@pytest.mark.parametrize("misfortune", [SLOW, LATE], ids=["slow", "late"])
def test_a_cancel_ends_a_job_that_is_on_its_way(
    make: SlurmMaker, slurm_lab: SlurmLab, misfortune: str
) -> None:
    programs = LabPrograms(slurm_lab.folder / "slow-programs")
    programs.prepare()
    shell = ShellWithPrograms(slurm_lab, slurm_lab.folder / "slow-programs")
    scheduler = SlurmScheduler(shell, cluster="lab")
    spec = make.job(0, waits=True)
    unheard = JobRef(key=spec.key, job_id=SlurmJobId(0), folder=spec.script.rpartition("/")[0])
    programs.tell("sbatch", misfortune)
    with ThreadPoolExecutor(1) as pool:
        on_its_way = pool.submit(scheduler.submit, spec)
        wait_until(lambda: programs.pending("sbatch") == 0, "sbatch is on its way")
        scheduler.cancel([unheard])
        ref = on_its_way.result(timeout=60)
    assert end(make, ref).state is JobState.CANCELLED


def test_a_job_that_came_in_after_its_cancel_ends_itself(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    ref = make.scheduler.submit(job(make, "touch", "ran", resources=JobResources(extra={"hold": ""})))
    until(make, ref, lambda report: report.tasks[0].reason == "JobHeldUser")
    # as the cancel leaves it whose scancel came before the controller heard of the job
    assert make.shell.run(("touch", f"{ref.folder}/cancelled.{ref.key}")).ok
    slurm_lab.run_as_root(["scontrol", "release", str(ref.job_id)])
    assert end(make, ref).state is JobState.CANCELLED
    assert not make.shell.run(("ls", f"{ref.folder}/ran")).ok


def test_waiting_array_tasks_are_reported_each_however_many(make: SlurmMaker) -> None:
    key = JobKey(f"real-{uuid.uuid4()}")
    commands = (("sleep", "600"),) * 300
    spec = make.put(JobScript(key=key, folder=f"{make.folder}/{key}", array_commands=commands))
    ref = make.scheduler.submit(replace(spec, array_limit=1))
    report = until(make, ref, in_state(JobState.RUNNING))
    assert [task.index for task in report.tasks] == list(range(300))
    assert report.queue_position
    make.scheduler.cancel([ref])
    report = until(make, ref, lambda report: report.is_final)
    assert {task.state for task in report.tasks} == {JobState.CANCELLED}


def test_a_report_takes_two_commands_however_many_jobs(make: SlurmMaker) -> None:
    refs = [make.scheduler.submit(make.job(0)) for _ in range(6)]
    wait_until(lambda: all(r.is_final for r in make.scheduler.report(refs).values()), "all end", timeout_s=60)
    before = make.shell.counts.commands
    assert len(make.scheduler.report(refs)) == 6
    assert make.shell.counts.commands - before <= 2


def test_usage_is_in_the_report_of_the_end(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    ref = make.scheduler.submit(job(make, "sleep", "1"))
    usage = end(make, ref).usage
    assert usage.elapsed_s
    assert usage.cpu_s is not None
    assert usage.max_memory_mb is not None
    assert usage.node in slurm_lab.node_names


def test_the_mail_that_was_asked_for_is_sent(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    asked = JobResources(mail_user="someone@example.org", mail_type="END")
    spec = job(make, "true", resources=asked)
    make.scheduler.submit(spec)

    def mails() -> list[str]:
        return [mail.read_text() for mail in (slurm_lab.folder / "mail").glob("*.eml")]

    wait_until(lambda: any(spec.key in mail and "Ended" in mail for mail in mails()), "the mail is there")
    assert any("To: someone@example.org" in mail for mail in mails())


def test_a_gpu_that_was_asked_for_is_given(make: SlurmMaker) -> None:
    asked = JobResources(partition="gpu", gres="gpu:a100:1")
    ref = make.scheduler.submit(job(make, "sh", "-c", 'echo "$CUDA_VISIBLE_DEVICES" >gpu', resources=asked))
    assert end(make, ref).state is JobState.COMPLETED
    assert read(make, ref, "gpu") == "0\n"


def test_partitions_are_those_of_the_cluster(make: SlurmMaker) -> None:
    found = {p.name: p for p in make.scheduler.partitions()}
    assert set(found) == {"main", "short", "gpu", "scavenge"}
    assert [name for name, partition in found.items() if partition.is_default] == ["main"]
    assert found["main"].max_time_min == 240


def test_an_unknown_partition_is_answered_with_those_there_are(make: SlurmMaker) -> None:
    with pytest.raises(SubmissionRejectedError, match="no partition 'nope' on lab; it has: gpu, main"):
        make.scheduler.submit(job(make, "true", resources=JobResources(partition="nope")))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (JobResources(qos="nope"), "Invalid qos"),
        (JobResources(account="nope"), "Invalid account"),
        (JobResources(time_limit_min=99999), "time limit is invalid"),
        (JobResources(gres="gpu:9"), "node configuration is not available"),
        (JobResources(constraint="nope"), "Invalid feature"),
        (JobResources(exclude="nope"), "Invalid node name"),
        (JobResources(extra={"nonsense": "1"}), "unrecognized option"),
    ],
)
def test_a_refusal_is_told_in_slurms_own_words(make: SlurmMaker, asked: JobResources, words: str) -> None:
    with pytest.raises(SubmissionRejectedError, match=words):
        make.scheduler.submit(job(make, "true", resources=asked))


def test_a_folder_that_is_not_there_is_named(make: SlurmMaker) -> None:
    spec = replace(job(make, "true"), script="/no/such/folder/job.sh")
    with pytest.raises(SubmissionRejectedError, match="no folder /no/such/folder on lab"):
        make.scheduler.submit(spec)


def test_a_folder_that_cannot_be_written_is_named(make: SlurmMaker) -> None:
    spec = replace(job(make, "true"), script="/usr/job.sh")
    with pytest.raises(SubmissionRejectedError, match=r"cannot write in /usr on lab: .*Permission denied"):
        make.scheduler.submit(spec)


class ShellWithoutSlurm(LabShell):
    """A machine on whose PATH there is no Slurm."""

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> CommandResult:
        bare = {**(env or {}), "PATH": "/nowhere"}
        return super().run(("/bin/sh", *argv[1:]), stdin=stdin, env=bare, timeout_s=timeout_s)


def test_a_machine_without_slurm_says_so(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    scheduler = SlurmScheduler(ShellWithoutSlurm(slurm_lab), cluster="lab")
    with pytest.raises(SubmissionRejectedError, match="no sbatch on lab: check that it is a login node"):
        scheduler.submit(job(make, "true"))


def test_without_its_controller_nothing_is_known_and_nothing_is_lost(
    make: SlurmMaker, slurm_lab: SlurmLab
) -> None:
    ref = make.scheduler.submit(make.job(0))
    until(make, ref, lambda report: report.is_final)
    spec = make.job(0)
    slurm_lab.stop_controller()
    try:
        with pytest.raises(SchedulerUnavailableError, match=r"squeue failed on lab: .*Unable to contact"):
            make.scheduler.report([ref])
        with pytest.raises(SchedulerUnavailableError, match="squeue did not answer on lab"):
            make.scheduler.submit(spec)
        with pytest.raises(SchedulerUnavailableError, match="scancel failed on lab"):
            make.scheduler.cancel([ref])
    finally:
        slurm_lab.start_controller()
    assert end(make, make.scheduler.submit(spec)).state is JobState.COMPLETED
    assert make.runs(spec) == 1


def test_without_its_accounting_the_end_is_still_known(make: SlurmMaker, slurm_lab: SlurmLab) -> None:
    slurm_lab.stop_accounting()
    try:
        ref = make.scheduler.submit(make.job(5))
        task = end(make, ref)
        assert (task.state, task.exit_code) == (JobState.FAILED, 5)
    finally:
        slurm_lab.start_accounting()


def test_a_cluster_without_accounting_tells_the_end_by_exit_files(lab_without_accounting: SlurmLab) -> None:
    make = SlurmMaker(lab_without_accounting)
    well, array = make.job(0), make.job(0, 7, is_array=True)
    refs = [make.scheduler.submit(spec) for spec in (well, array)]
    for spec in (well, array):
        wait_until(
            lambda key=spec.key: jobs_called(lab_without_accounting, key) == 0,  # type: ignore[misc]
            "the controller forgets",
            timeout_s=90,
        )
    reports = make.scheduler.report(refs)
    assert reports[refs[0].job_id].is_success
    assert [task.exit_code for task in reports[refs[1].job_id].tasks] == [0, 7]
    assert [make.scheduler.submit(spec) for spec in (well, array)] == refs
    make.close()
