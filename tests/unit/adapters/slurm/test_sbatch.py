from __future__ import annotations

import pytest

from biomero.adapters.slurm.sbatch import (
    essence,
    is_about_partition,
    is_full,
    is_refusal,
    parse_sbatch,
    sbatch,
)
from biomero.adapters.slurm.submission import parse_submit
from biomero.domain.ids import JobKey
from biomero.domain.job import JobResources, JobSpec
from biomero.errors import UnparsableOutputError
from unit.adapters.slurm.recorded import VERSIONS, recorded, recorded_names


def spec(
    resources: JobResources | None = None, *, size: int | None = None, limit: int | None = None
) -> JobSpec:
    return JobSpec(
        key=JobKey("key-1"),
        script="/data/runs/1/job.sh",
        log="/data/runs/1/logs/%j.log",
        resources=resources or JobResources(),
        array_size=size,
        array_limit=limit,
    )


def test_a_plain_job_asks_for_nothing_but_its_name_folder_and_log() -> None:
    assert sbatch(spec()) == (
        "sbatch",
        "--parsable",
        "--job-name=key-1",
        "--chdir=/data/runs/1",
        "--output=/data/runs/1/logs/%j.log",
        "--open-mode=append",
        "--export=ALL",
        "--",
        "/data/runs/1/job.sh",
    )


def test_every_resource_has_its_option() -> None:
    everything = JobResources(
        cpus=4,
        memory_mb=2048,
        time_limit_min=90,
        partition="gpu",
        account="imaging",
        qos="high",
        gres="gpu:a100:1",
        gpus="1",
        constraint="avx2&ib",
        exclude="n1,n2",
        mail_user="me@example.org",
        mail_type="END,FAIL",
        extra={"wckey": "a b", "exclusive": "", "--hint": "nomultithread", "ntasks_per_node": "1"},
    )
    assert sbatch(spec(everything, size=10, limit=3))[7:-2] == (
        "--array=0-9%3",
        "--cpus-per-task=4",
        "--mem=2048M",
        "--time=90",
        "--partition=gpu",
        "--account=imaging",
        "--qos=high",
        "--gres=gpu:a100:1",
        "--gpus=1",
        "--constraint=avx2&ib",
        "--exclude=n1,n2",
        "--mail-user=me@example.org",
        "--mail-type=END,FAIL",
        "--wckey=a b",
        "--exclusive",
        "--hint=nomultithread",
        "--ntasks-per-node=1",
    )


def test_configuration_may_replace_an_option_of_ours() -> None:
    words = sbatch(spec(JobResources(extra={"export": "NONE"})))
    assert "--export=NONE" in words
    assert "--export=ALL" not in words


@pytest.mark.parametrize(("text", "job_id"), [("12\n", 12), ("12;lisa\n", 12), ("warning\n13\n", 13)])
def test_the_job_id_is_read(text: str, job_id: int) -> None:
    assert parse_sbatch(text) == job_id


@pytest.mark.parametrize("text", ["", "Submitted batch job 12\n", "12 13\n"])
def test_an_answer_without_a_job_id_is_an_error(text: str) -> None:
    with pytest.raises(UnparsableOutputError):
        parse_sbatch(text)


@pytest.mark.parametrize(
    ("version", "name"),
    [(version, name) for version in VERSIONS for name in recorded_names(version, "sbatch-refused-")],
)
def test_recorded_refusals_are_refusals(version: str, name: str) -> None:
    assert is_refusal(recorded(version, name))
    assert is_about_partition(recorded(version, name)) == name.endswith("-partition")


@pytest.mark.parametrize(
    ("version", "name"),
    [(version, name) for version in VERSIONS for name in recorded_names(version, "sbatch-full-")],
)
def test_recorded_limits_on_jobs_pass_by_themselves(version: str, name: str) -> None:
    words = recorded(version, name)
    assert (is_full(words), is_refusal(words)) == (True, False)
    submission = parse_submit(recorded(version, name.replace("sbatch", "submit")))
    assert (submission.obstacle, submission.others) == ("refused", 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_refusal_tells_the_partitions(version: str) -> None:
    submission = parse_submit(recorded(version, "submit-refused-partition"))
    assert submission.obstacle == "refused"
    assert set(submission.partitions) == {"main", "short", "gpu", "scavenge"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_recorded_submission_tells_the_job(version: str) -> None:
    assert parse_submit("Welcome!\n" + recorded(version, "submit-found")).job_id


def test_a_submission_that_was_cut_off_is_an_error() -> None:
    with pytest.raises(UnparsableOutputError, match="Welcome"):
        parse_submit("Welcome!\n")


@pytest.mark.parametrize(
    "words",
    [
        "Slurm temporarily unable to accept job, sleeping and retrying",
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Batch job submission failed: Unexpected message received",
        "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Job violates accounting/QOS policy (…)",
        "sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)",
        "",
    ],
)
def test_what_may_pass_is_no_refusal_by_the_documentation_of_21_to_25(words: str) -> None:
    assert not is_refusal(words)


@pytest.mark.parametrize(
    "words",
    [
        "sbatch: error: Batch job submission failed: Invalid partition name specified",
        "sbatch: error: Invalid account or account/partition combination specified",
        "sbatch: error: Batch job submission failed: Invalid generic resource (gres) specification",
        "sbatch: error: Invalid generic resource (gres) specification",
        "sbatch: error: Batch job submission failed: CPU count per node can not be satisfied",
        "sbatch: error: Batch job submission failed: User's group not permitted to use this partition",
        "sbatch: error: Batch job submission failed: Requested partition configuration not available now",
        "sbatch: error: Batch job submission failed: Node count specification invalid",
        "sbatch: error: Invalid --time specification",
        "sbatch: error: Batch job submission failed: Invalid job array specification",
        "sbatch: error: Batch script contains DOS line breaks (\\r\\n)",
        "sbatch: error: Unable to open file /x/job.sh",
    ],
)
def test_refusals_by_the_documentation_of_21_to_25(words: str) -> None:
    assert is_refusal(words)


def test_the_essence_of_a_complaint_is_one_line_in_slurms_words() -> None:
    assert essence("sbatch: error: A\nsbatch: error: Batch failed: B\n\n") == "A; Batch failed: B"
