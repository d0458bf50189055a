"""Record what Slurm answers to an administrator's questions; part of `services.record_slurm`."""

from __future__ import annotations

from biomero.adapters.slurm import administration as ask
from biomero.adapters.slurm.partition_health import node_states
from biomero.domain.job import JobResources
from services.faults import accounting_down, controller_down, drained, partition_down
from services.record_slurm import Recorder, with_cluster


def record_health(recorder: Recorder) -> None:
    """Record answers of a cluster, well and with parts of it broken."""
    lab = recorder.lab
    recorder.record("sbatch-version", ask.version())
    recorder.record("scontrol-ping", ask.ping())
    recorder.record("scontrol-limits", ask.show_config())
    recorder.record("sinfo-nodes", node_states())
    recorder.record("sacctmgr-associations", ask.associations())
    recorder.record("sbatch-test-only", ask.test_only(JobResources()), errors=True)
    recorder.record("sbatch-test-only-memory", ask.test_only(JobResources(memory_mb=999999)), errors=True)
    with drained(lab, lab.node_names[0]), partition_down(lab, "gpu"):
        recorder.record("sinfo-nodes-broken", node_states())
    with accounting_down(lab):
        recorder.record("sacct-unanswered", ask.accounting(), errors=True)
    with controller_down(lab):
        recorder.record("scontrol-ping-down", ask.ping())


def record_health_without_accounting(recorder: Recorder) -> None:
    """Record answers of a cluster that keeps no account."""
    recorder.record("scontrol-limits-no-accounting", ask.show_config())


def main() -> None:
    """Record these alone."""
    with_cluster(record_health, accounting=True)
    with_cluster(record_health_without_accounting, accounting=False)


if __name__ == "__main__":
    main()
