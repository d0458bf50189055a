from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from biomero.adapters.local.processes import start_time
from biomero.adapters.local.scheduler import LocalScheduler
from biomero.adapters.local.spool import Spool
from biomero.domain.ids import JobKey
from biomero.domain.job import JobRef, JobReport, JobResources, JobSpec, JobState
from biomero.domain.job_script import JobScript
from biomero.errors import SchedulerUnavailableError, SubmissionRejectedError
from services.processes import name_of, wait_until, with_environment

HOSTILE = "a b;$(touch pwned)'\"\n.tif"


class Bench:
    """A local scheduler with a folder for its jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spool = Spool(folder / "spool")
        self.scheduler = LocalScheduler(folder / "spool")

    def spec(
        self,
        key: str,
        *commands: tuple[str, ...],
        resources: JobResources | None = None,
        log: str = "log-%j.txt",
    ) -> JobSpec:
        folder = self.folder / key
        folder.mkdir()
        one = commands[0] if len(commands) == 1 else ()
        script = JobScript(
            key=JobKey(key), folder=str(folder), command=one, array_commands=commands if not one else ()
        )
        (folder / "job.sh").write_text(script.text)
        return JobSpec(
            key=script.key,
            script=str(folder / "job.sh"),
            log=log,
            array_size=script.array_size,
            resources=resources or JobResources(),
        )

    def submit(self, key: str, *commands: tuple[str, ...]) -> JobRef:
        return self.scheduler.submit(self.spec(key, *commands))

    def report(self, ref: JobRef) -> JobReport:
        return self.scheduler.report([ref])[ref.job_id]

    def state(self, ref: JobRef) -> JobState:
        return self.report(ref).tasks[0].state

    def end(self, ref: JobRef) -> JobReport:
        wait_until(lambda: self.report(ref).is_final, f"{ref.key} ends")
        return self.report(ref)

    def has_runner(self) -> bool:
        with self.spool.locked():
            return self.spool.has_runner()

    def runner_pid(self) -> int:
        return int((self.spool.folder / "runner.lock").read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_jobs_find_slurms_variables_and_their_arguments_as_they_are(bench: Bench) -> None:
    show = ("sh", "-c", 'env | grep ^SLURM_; printf "<%s>" "$1"', "sh", HOSTILE)
    spec = bench.spec("show", show, resources=JobResources(cpus=2, memory_mb=512))
    ref = bench.scheduler.submit(spec)
    assert bench.end(ref).is_success
    log = (bench.folder / "show" / f"log-{ref.job_id}.txt").read_text()
    assert f"<{HOSTILE}>" in log
    variables = dict(line.split("=", 1) for line in log.splitlines() if line.startswith("SLURM_"))
    expected = {
        "SLURM_JOB_ID": str(ref.job_id),
        "SLURM_JOB_NAME": "show",
        "SLURM_CPUS_PER_TASK": "2",
        "SLURM_MEM_PER_NODE": "512",
        "SLURM_SUBMIT_DIR": str(bench.folder / "show"),
        "SLURM_JOB_NODELIST": os.uname().nodename,
    }
    assert expected.items() <= variables.items()
    assert not any((bench.folder / place / "pwned").exists() for place in (".", "show", "spool"))


def test_array_tasks_have_ids_variables_and_logs_of_their_own(bench: Bench) -> None:
    show = (
        "sh",
        "-c",
        'echo "$SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT $SLURM_JOB_ID"',
    )
    ref = bench.scheduler.submit(bench.spec("array", show, show, log="log-%A_%a-%x-100%%.txt"))
    assert bench.end(ref).is_success
    folder = bench.folder / "array"
    logs = [(folder / f"log-{ref.job_id}_{i}-array-100%.txt").read_text().split() for i in (0, 1)]
    assert [log[:3] for log in logs] == [[str(ref.job_id), str(i), "2"] for i in (0, 1)]
    assert logs[0][3] != logs[1][3]
    assert bench.submit("next", ("true",)).job_id > int(logs[1][3])


def test_jobs_of_many_processes_run_one_after_the_other(bench: Bench) -> None:
    times = bench.folder / "times"
    work = ("sh", "-c", f'echo "+" >>"{times}"; sleep 0.2; echo "-" >>"{times}"')
    specs = [bench.spec(f"job-{i}", work) for i in range(4)]
    # Each scheduler stands for a process of its own: nothing is shared but the spool.
    refs = [LocalScheduler(bench.folder / "spool").submit(spec) for spec in specs]
    positions = [bench.report(ref).queue_position for ref in refs]
    assert positions[1:] == [1, 2, 3]
    for ref in refs:
        assert bench.end(ref).is_success
    assert times.read_text().split() == ["+", "-"] * 4


def test_a_job_outlives_the_process_that_submitted_it(bench: Bench) -> None:
    spec = bench.spec("orphan", ("sh", "-c", "sleep 1; echo done >result"))
    submit = (
        "import os, sys; from pathlib import Path;"
        "from biomero.adapters.local.scheduler import LocalScheduler;"
        "from biomero.domain.job import JobSpec;"
        "LocalScheduler(Path(sys.argv[1])).submit(JobSpec(key=sys.argv[2], script=sys.argv[3], log='log'));"
        "os.kill(os.getpid(), 9)"
    )
    argv = [sys.executable, "-c", submit, str(bench.spool.folder), spec.key, spec.script]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    ref = bench.scheduler.submit(spec)
    assert bench.end(ref).is_success
    assert (bench.folder / "orphan" / "result").read_text() == "done\n"


def test_nothing_is_left_running_when_no_job_is_left(bench: Bench) -> None:
    ref = bench.submit("leaves-a-child", ("sh", "-c", "sleep 600 & echo $! >child"))
    assert bench.end(ref).is_success
    child = int((bench.folder / "leaves-a-child" / "child").read_text())
    wait_until(lambda: not start_time(child), "the child is gone")
    mark = f"SLURM_SUBMIT_DIR={bench.folder / 'leaves-a-child'}"
    wait_until(lambda: not with_environment(mark), "nothing else is left, such as what gave signs of life")
    wait_until(lambda: not bench.has_runner(), "the runner ends")


@pytest.mark.slow
def test_cancelling_ends_every_process_of_the_job(bench: Bench) -> None:
    stubborn = "trap '' TERM; sh -c 'trap \"\" TERM; echo $$ >child; sleep 600' & wait; sleep 600"
    ref = bench.submit("stubborn", ("bash", "-c", stubborn))
    child = bench.folder / "stubborn" / "child"
    wait_until(child.exists, "the job runs")
    mark = f"SLURM_SUBMIT_DIR={bench.folder / 'stubborn'}"
    wait_until(lambda: "sleep" in map(name_of, with_environment(mark)), "it gives signs of life")
    behind = bench.submit("behind", ("true",))
    bench.scheduler.cancel([ref])
    assert bench.end(ref).tasks[0].state is JobState.CANCELLED
    assert not start_time(int(child.read_text()))
    wait_until(lambda: not with_environment(mark), "every process has ended")
    assert bench.end(behind).is_success


def test_a_runner_that_was_killed_with_its_job_is_noticed(bench: Bench) -> None:
    ref = bench.submit("killed", ("sh", "-c", "echo $$ >pid; sleep 600"))
    wait_until((bench.folder / "killed" / "pid").exists, "the job runs")
    behind = bench.submit("behind", ("true",))
    record = bench.spool.task(ref.job_id, None)
    assert record
    os.kill(bench.runner_pid(), signal.SIGKILL)
    os.killpg(record.pid, signal.SIGKILL)
    (task,) = bench.end(ref).tasks
    assert task.state is JobState.NODE_FAIL
    assert bench.end(behind).is_success
    assert bench.state(ref) is JobState.NODE_FAIL


def test_a_job_whose_runner_was_killed_goes_on_and_tells_its_end(bench: Bench) -> None:
    ref = bench.submit("goes-on", ("sh", "-c", "touch ready; while [ ! -e go ]; do sleep 0.05; done; exit 4"))
    wait_until((bench.folder / "goes-on" / "ready").exists, "the job runs")
    behind = bench.submit("behind", ("true",))
    os.kill(bench.runner_pid(), signal.SIGKILL)
    wait_until(lambda: bench.state(ref) is JobState.RUNNING, "the job still runs")
    assert bench.state(behind) is JobState.PENDING
    (bench.folder / "goes-on" / "go").touch()
    (task,) = bench.end(ref).tasks
    assert (task.state, task.exit_code) == (JobState.FAILED, 4)
    assert bench.end(behind).is_success


def test_a_log_that_cannot_be_opened_fails_the_job_as_in_slurm(bench: Bench) -> None:
    ref = bench.scheduler.submit(bench.spec("no-log", ("true",), log="nowhere/log"))
    (task,) = bench.end(ref).tasks
    assert (task.state, task.exit_code, task.signal) == (JobState.FAILED, 0, 53)


def test_what_sbatch_would_refuse_is_refused(bench: Bench) -> None:
    spec = bench.spec("no-script", ("true",))
    Path(spec.script).write_text("true\n")
    with pytest.raises(SubmissionRejectedError, match="must begin with #!"):
        bench.scheduler.submit(spec)
    Path(spec.script).unlink()
    with pytest.raises(SubmissionRejectedError, match=r"cannot read the job script .*No such file"):
        bench.scheduler.submit(spec)
    assert not bench.has_runner()


def test_a_queue_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file, not a folder")
    bench = Bench(tmp_path)
    with pytest.raises(SchedulerUnavailableError, match="spool"):
        bench.submit("job", ("true",))


@pytest.mark.slow
def test_a_job_beyond_its_time_limit_is_ended(bench: Bench) -> None:
    spec = bench.spec("long", ("sleep", "600"), resources=JobResources(time_limit_min=1))
    ref = bench.scheduler.submit(spec)
    began = time.monotonic()
    wait_until(lambda: bench.report(ref).is_final, "the job is ended", timeout_s=90)
    assert bench.state(ref) is JobState.TIMEOUT
    assert time.monotonic() - began > 55
