"""What an administrator sees of a cluster's nodes and jobs, and does to jobs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.processes import wait_until
from services.slurm_lab import SlurmLab

_USABLE = {"idle", "mixed", "allocated", "completing"}
_SET_ASIDE = ("drain", "down")


def usable(lab: SlurmLab) -> set[str]:
    """Return the nodes that take jobs."""
    return {name for name, state in _states(lab) if state in _USABLE}


def wait_for_nodes(lab: SlurmLab, names: Sequence[str]) -> None:
    """Wait until nodes take jobs."""
    _wait(lab, lambda: usable(lab) >= set(names))


def take_back(lab: SlurmLab, *names: str) -> None:
    """Let nodes take jobs again that the controller has set aside, as an administrator does."""

    def are_back() -> bool:
        for name, state in _states(lab):
            if name in names and state.startswith(_SET_ASIDE):
                # refused for a node that came back by itself meanwhile
                with suppress(subprocess.CalledProcessError):
                    lab.run_as_root(["scontrol", "update", f"nodename={name}", "state=resume"])
        return usable(lab) >= set(names)

    _wait(lab, are_back)


def _states(lab: SlurmLab) -> list[tuple[str, str]]:
    rows = lab.run_as_root(["sinfo", "-h", "-N", "-o", "%N %T"]).splitlines()
    return [(name, state) for name, _, state in (row.partition(" ") for row in rows)]


def _wait(lab: SlurmLab, are_usable: Callable[[], bool]) -> None:
    try:
        wait_until(are_usable, "nodes take jobs again", timeout_s=90)
    except TimeoutError as exc:
        raise TimeoutError(f"{exc}: {lab.run_as_root(['sinfo', '-N', '-o', '%N %T %E'])}") from exc


def jobs_named(lab: SlurmLab, prefix: str) -> dict[str, str]:
    """Return the jobs that wait or run and whose names begin so: state by id; array tasks one by one."""
    rows = lab.run_as_root(["squeue", "-h", "-r", "-o", "%i|%T|%j"]).splitlines()
    split = [row.split("|", 2) for row in rows]
    return {job: state for job, state, name in split if name.startswith(prefix)}


def jobs_in_queue(lab: SlurmLab) -> list[str]:
    """Return the jobs that wait or run; none where no controller answers."""
    return lab.run_as_user(("squeue", "-h", "-o", "%i")).stdout.decode().split()


def node_of(lab: SlurmLab, job: str) -> str:
    """Return the node that a job runs on."""
    return lab.run_as_root(["squeue", "-h", "-j", job, "-o", "%N"]).strip()


def scontrol(lab: SlurmLab, verb: str, *words: str) -> None:
    """Do to jobs what an administrator may: ``requeue``, ``hold``, ``release``, ``suspend``, ``resume``."""
    lab.run_as_root(["scontrol", verb, *words])


def scancel(lab: SlurmLab, *jobs: str) -> None:
    """Cancel jobs, as somebody who does not tell us."""
    lab.run_as_root(["scancel", *jobs])
