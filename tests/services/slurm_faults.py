"""What goes wrong with a cluster's daemons and nodes, for the length of a block."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.faults import READ_ONLY
from services.processes import end, name_of, parent, with_environment
from services.slurm_lab import SlurmLab
from services.slurm_nodes import take_back


@contextmanager
def killed(lab: SlurmLab, daemon: str = "slurmctld") -> Iterator[None]:
    """A daemon died by force, and is started again at the end."""
    lab.daemons.kill(daemon)
    try:
        yield
    finally:
        start(lab, daemon)


@contextmanager
def frozen(lab: SlurmLab, daemon: str = "slurmctld") -> Iterator[None]:
    """A daemon holds its connections and answers nobody."""
    lab.daemons.freeze(daemon)
    try:
        yield
    finally:
        lab.daemons.thaw(daemon)
        take_back(lab, *lab.node_names)


def restart(lab: SlurmLab, daemon: str = "slurmctld") -> None:
    """Stop a daemon politely and start it again; jobs go on."""
    lab.daemons.stop(daemon)
    start(lab, daemon)


def start(lab: SlurmLab, daemon: str) -> None:
    """Start a daemon that has ended, and wait until the cluster takes jobs."""
    if daemon == "slurmdbd":
        lab.start_accounting()
        return
    if daemon == "slurmctld":
        lab.start_controller()
    else:
        lab.start_node(daemon)
    take_back(lab, *lab.node_names)


class Amnesia:
    """A controller that forgets what it was told since some moment, as one that is killed right after may.

    Jobs of that time go on without it; their ids are given out again.
    """

    def __init__(self, lab: SlurmLab, folder: Path) -> None:
        self._lab = lab
        self._kept = folder

    def remember(self) -> None:
        """Keep what the controller knows now; it is asked to write that down first."""
        restart(self._lab)
        shutil.copytree(self._state, self._kept)
        self._own(self._kept)

    def forget(self) -> None:
        """Kill the controller and let it know again only what it knew at `remember`."""
        self._lab.daemons.kill("slurmctld")
        shutil.rmtree(self._state)
        shutil.copytree(self._kept, self._state)
        self._own(self._state)
        self._lab.start_controller()

    @property
    def _state(self) -> Path:
        return self._lab.folder / "state"

    def _own(self, folder: Path) -> None:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, "slurm", "slurm")


@contextmanager
def amnesia(lab: SlurmLab, folder: Path) -> Iterator[Amnesia]:
    """Give a controller that can be made to forget; at the end the nodes are put right again.

    Parameters
    ----------
    folder
        A folder that does not exist yet.
    """
    controller = Amnesia(lab, folder)
    controller.remember()
    try:
        yield controller
    finally:
        # nodes on which a forgotten job ran are drained for "Duplicate jobid"
        take_back(lab, *lab.node_names)


@contextmanager
def dead_node(lab: SlurmLab, node: str) -> Iterator[None]:
    """A node lost its power: all that ran on it is gone, and the controller was told."""
    kill_node(lab, node)
    lab.run_as_root(["scontrol", "update", f"nodename={node}", "state=down", "reason=no power"])
    try:
        yield
    finally:
        lab.start_node(node)
        take_back(lab, node)


def reboot(lab: SlurmLab, node: str) -> None:
    """Let a node lose all that runs on it and come back as one that has booted; nobody is told."""
    kill_node(lab, node)
    lab.start_node(node, options=("-b",))
    take_back(lab, node)


def kill_node(lab: SlurmLab, node: str) -> None:
    """End a node's daemon and everything that runs on it, at once: nobody tells the controller of it."""
    programs = with_environment(f"SLURMD_NODENAME={node}")
    keepers = [pid for pid in map(parent, programs) if name_of(pid).startswith("slurmstepd")]
    for pid in (*keepers, *programs):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    lab.daemons.kill(node)
    end([*keepers, *programs])


@contextmanager
def node_that_cannot_write(lab: SlurmLab, node: str, folder: Path) -> Iterator[None]:
    """A node sees a folder that cannot be written, as one whose network file system went wrong."""
    lab.daemons.stop(node)
    lab.start_node(node, inside=lab.insulation.with_mounts(READ_ONLY, str(folder)))
    take_back(lab, node)
    try:
        yield
    finally:
        lab.daemons.stop(node)
        lab.start_node(node)
        take_back(lab, node)


@contextmanager
def all_busy(lab: SlurmLab) -> Iterator[None]:
    """All processors are taken by somebody's jobs; what is submitted has to wait."""
    names = lab.node_names[:-1]
    script = b"#!/bin/sh\nexec sleep 600\n"
    argv = ("sbatch", "--parsable", "--exclusive", "--output=/dev/null", "--job-name=somebody-else")
    jobs = [
        lab.run_as_user((*argv, f"--nodelist={name}"), stdin=script).stdout.decode().strip() for name in names
    ]
    try:
        yield
    finally:
        lab.run_as_root(["scancel", *jobs])


@contextmanager
def configured(lab: SlurmLab, **settings: str) -> Iterator[None]:
    """The cluster has other settings; its controller starts again for that, and jobs go on."""
    path = lab.folder / "etc" / "slurm.conf"
    before = path.read_text()
    kept = [line for line in before.splitlines() if line.partition("=")[0] not in settings]
    path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n")
    restart(lab)
    try:
        yield
    finally:
        path.write_text(before)
        restart(lab)


@contextmanager
def submissions_limited(lab: SlurmLab, count: int) -> Iterator[None]:
    """The account may have no more than so many jobs submitted at a time."""
    _modify_user(lab, f"MaxSubmitJobs={count}")
    try:
        yield
    finally:
        _modify_user(lab, "MaxSubmitJobs=-1")


@contextmanager
def others_have(lab: SlurmLab, places: int) -> Iterator[None]:
    """Somebody else works under the same account: so many of its jobs wait, and none of them ends."""
    argv = ("sbatch", "--parsable", "--hold", "--output=/dev/null", "--job-name=somebody-else")
    script = b"#!/bin/sh\nexec true\n"
    jobs = [lab.run_as_user(argv, stdin=script).stdout.decode().strip() for _ in range(places)]
    try:
        yield
    finally:
        lab.run_as_root(["scancel", *jobs])


def _modify_user(lab: SlurmLab, change: str) -> None:
    lab.run_as_root(["sacctmgr", "-i", "modify", "user", lab.user, "set", change])
