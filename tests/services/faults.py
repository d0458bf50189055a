"""Breaking one thing of a Slurm lab for the length of a block, and mending it after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.slurm_lab import SlurmLab
from services.slurm_nodes import wait_for_nodes

READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
_FULL = """
mount -t tmpfs -o "size=4m,mode=0755,uid=$2" none "$1" && mkdir "$1/runs" && chown "$2" "$1/runs" &&
chmod 700 "$1/runs" && ! dd if=/dev/zero of="$1/full" bs=1M 2>/dev/null
"""
# `date` is how programs of a shell learn the time; no machine can give one of its programs another clock.
_FAST_CLOCK = """#!/bin/sh
exec /bin/date --date='+10 minutes' "$@"
"""


@contextmanager
def sshd_down(lab: SlurmLab) -> Iterator[None]:
    """Nobody listens on the login node."""
    lab.login_node.stop()
    try:
        yield
    finally:
        lab.login_node.start()


@contextmanager
def changed_host_key(lab: SlurmLab) -> Iterator[None]:
    """The login node shows a host key that no client knows."""
    with _changed_login_node(lab, HostKey=str(lab.login_node.make_key("another_host_key"))):
        yield


@contextmanager
def fast_clock(lab: SlurmLab) -> Iterator[None]:
    """What asks for the time on the login node is told another one."""
    programs = lab.folder / "fast-clock"
    programs.mkdir(exist_ok=True)
    (programs / "date").write_text(_FAST_CLOCK)
    (programs / "date").chmod(0o755)
    environment = f"SLURM_CONF={lab.env['SLURM_CONF']} PATH={programs}:{lab.env['PATH']}"
    with _changed_login_node(lab, SetEnv=environment):
        yield


@contextmanager
def read_only(lab: SlurmLab, folder: Path) -> Iterator[None]:
    """The login node sees a folder that cannot be written."""
    with _login_node_with_mounts(lab, READ_ONLY, str(folder)):
        yield


@contextmanager
def full_disk(lab: SlurmLab, folder: Path) -> Iterator[None]:
    """The login node sees a folder on a disk without space."""
    with _login_node_with_mounts(lab, _FULL, str(folder), str(lab.home.stat().st_uid)):
        yield


@contextmanager
def controller_down(lab: SlurmLab) -> Iterator[None]:
    """Nobody schedules jobs."""
    lab.stop_controller()
    try:
        yield
    finally:
        lab.start_controller()
        wait_for_nodes(lab, lab.node_names)


@contextmanager
def accounting_down(lab: SlurmLab) -> Iterator[None]:
    """Nobody keeps account of jobs."""
    lab.stop_accounting()
    try:
        yield
    finally:
        lab.start_accounting()


@contextmanager
def drained(lab: SlurmLab, *nodes: str) -> Iterator[None]:
    """Nodes take no jobs."""
    names = ",".join(nodes)
    lab.run_as_root(["scontrol", "update", f"nodename={names}", "state=drain", "reason=new floor"])
    try:
        yield
    finally:
        lab.run_as_root(["scontrol", "update", f"nodename={names}", "state=resume"])
        wait_for_nodes(lab, nodes)


@contextmanager
def partition_down(lab: SlurmLab, name: str) -> Iterator[None]:
    """A partition starts no jobs."""
    lab.run_as_root(["scontrol", "update", f"partitionname={name}", "state=down"])
    try:
        yield
    finally:
        lab.run_as_root(["scontrol", "update", f"partitionname={name}", "state=up"])


@contextmanager
def away(path: Path) -> Iterator[None]:
    """A file is not there."""
    hidden = path.with_name(f".{path.name}.hidden")
    path.rename(hidden)
    try:
        yield
    finally:
        hidden.rename(path)


@contextmanager
def cut(path: Path) -> Iterator[None]:
    """A file has lost its end."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    try:
        yield
    finally:
        path.write_bytes(content)


@contextmanager
def _changed_login_node(lab: SlurmLab, **settings: str) -> Iterator[None]:
    with lab.login_node.with_settings(**settings):
        yield


@contextmanager
def _login_node_with_mounts(lab: SlurmLab, script: str, *arguments: str) -> Iterator[None]:
    lab.login_node.stop()
    try:
        lab.login_node.start(inside=lab.insulation.with_mounts(script, *arguments))
        yield
    finally:
        lab.login_node.stop()
        lab.login_node.start()
