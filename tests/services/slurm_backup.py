"""A second controller, which takes over when the first one is gone for ten seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.processes import wait_until
from services.slurm_lab import SlurmLab
from services.slurm_nodes import take_back

# Both listen on the port of the configuration, each on an address of its own. Slurm tells them apart by the
# machine's name, which every daemon of a lab has for itself; `localhost` it takes for whoever reads it. A
# controller looks its own name up to find its address, for which it gets a file of hosts, too.
_HOSTS = {"first": "127.0.0.1", "second": "127.0.0.2"}
_LOCALHOST = ("localhost", "127.0.0.1")
_PROGRAM = 'hostname "$1" && mount --bind "$2" /etc/hosts && exec slurmctld -D -f "$3"'


@contextmanager
def backup_controller(lab: SlurmLab) -> Iterator[None]:
    """The cluster has two controllers, of which the first one is in charge at first, and again at the end."""
    path = lab.folder / "etc" / "slurm.conf"
    before, program = path.read_text(), lab.controller_program
    try:
        path.write_text(_with_two(before))
        lab.controller_program = _program("first", path)
        _start_all_again(lab)
        lab.daemons.start("second", lab.insulation.wrap(_program("second", path)))
        wait_until(lambda: state_of(lab) == ("UP", "UP"), "both controllers answer")
        yield
    finally:
        lab.daemons.stop("second")
        path.write_text(before)
        lab.controller_program = program
        _start_all_again(lab)


def _with_two(configuration: str) -> str:
    old = next(line for line in configuration.splitlines() if line.startswith("SlurmctldHost="))
    new = "\n".join(f"SlurmctldHost={name}({address})" for name, address in _HOSTS.items())
    return configuration.replace(old, new)


def _program(name: str, configuration: Path) -> list[str]:
    """Return the command of one controller; with the other's file for its number it would kill that one."""
    hosts, own = (configuration.with_name(f"{name}.{kind}") for kind in ("hosts", "conf"))
    hosts.write_text("".join(f"{address} {host}\n" for host, address in (*_HOSTS.items(), _LOCALHOST)))
    own.write_text(configuration.read_text().replace("/slurmctld.pid", f"/{name}.pid"))
    return ["sh", "-c", _PROGRAM, "sh", name, str(hosts), str(own)]


def state_of(lab: SlurmLab) -> tuple[str, str]:
    """Return whether the first and the second controller are ``UP`` or ``DOWN``."""
    said = lab.run_as_user(("scontrol", "ping")).stdout.decode().splitlines()
    states = [line.split()[-1] for line in said]
    return (states[0], states[1]) if len(states) > 1 else ("", "")


def _start_all_again(lab: SlurmLab) -> None:
    """Let all daemons read the configuration anew; jobs go on."""
    for name in ("slurmctld", *lab.node_names):
        lab.daemons.stop(name)
    lab.start_controller()
    for name in lab.node_names:
        lab.start_node(name)
    take_back(lab, *lab.node_names)
