"""Record what ``sbatch`` says where a limit on jobs is reached, for the tests of its parser.

Run it from the folder ``tests``: ``python -m services.record_slurm_limits``.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.processes import wait_until
from services.record_slurm import Recorder, with_cluster

_UNLIMITED = "-1"
_ACCOUNT = ("account", "imaging")
_USER = ("user", "biomero-lab")
_QOS = ("qos", "normal")
_LIMITS: Mapping[str, tuple[tuple[str, str], str]] = {
    "association": (_USER, "MaxSubmitJobs"),
    "account": (_ACCOUNT, "GrpSubmitJobs"),
    "qos-user": (_QOS, "MaxSubmitJobsPerUser"),
    "qos-account": (_QOS, "MaxSubmitJobsPerAccount"),
    "qos": (_QOS, "GrpSubmitJobs"),
}


def record_limits(recorder: Recorder) -> None:
    """Record the refusals by each limit: one more job, and an array that does not fit at all."""
    recorder.submit("occupies", ("sleep", "600"))
    for case, ((kind, name), limit) in _LIMITS.items():
        modify = ["sacctmgr", "-i", "modify", kind, "where", f"name={name}", "set"]
        recorder.lab.run_as_root([*modify, f"{limit}=1"])

        def is_refused(case: str = case) -> bool:
            return "biomero:refused" in recorder.run(recorder.submit(f"full-{case}", ("true",))).stdout

        wait_until(is_refused, f"the limit {limit} holds", timeout_s=30)
        recorder.record(f"sbatch-full-{case}", recorder.submit(f"full-{case}", ("true",)), errors=True)
        recorder.record(f"submit-full-{case}", recorder.submit(f"full-{case}", ("true",)))
        recorder.lab.run_as_root([*modify, f"{limit}={_UNLIMITED}"])


def main() -> None:
    """Record limits."""
    with_cluster(record_limits, accounting=True)


if __name__ == "__main__":
    main()
