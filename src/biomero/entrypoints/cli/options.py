"""Options that several commands share."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click

from biomero.errors import ParameterError

F = TypeVar("F", bound=Callable[..., object])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A slurm-config.ini, read after the usual ones.",
)


def cluster_options(command: F) -> F:
    """Add the options that say where jobs run."""
    for option in (
        config_option,
        click.option(
            "--ssh-config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="OpenSSH client configuration; the user's own by default.",
        ),
        click.option(
            "--cluster",
            metavar="NAME",
            help="Where jobs run: a cluster of the configuration, a host of ~/.ssh/config, or `local` for "
            "this machine. Without it: what the configuration says, else this machine.",
        ),
    ):
        command = option(command)
    return command


_RESOURCES = (
    ("cpus-per-task", ("--cpus", "--cpus-per-task"), "CPUs for each job."),
    ("mem", ("--mem",), "Memory for each job, such as 8G."),
    ("time", ("--time",), "Time limit, such as 45 (minutes) or 4:00:00."),
    ("partition", ("--partition", "-p"), "Partition."),
    ("account", ("--account", "-A"), "Account."),
    ("qos", ("--qos",), "Quality of service."),
    ("gres", ("--gres",), "Generic resources, such as gpu:1."),
    ("gpus", ("--gpus",), "GPUs, such as 1 or a100:1."),
    ("constraint", ("--constraint",), "Features that the node must have."),
    ("exclude", ("--exclude",), "Nodes to leave out."),
    ("mail-user", ("--mail-user",), "Whom Slurm mails."),
    ("comment", ("--comment",), "Text that Slurm keeps with the jobs."),
    ("mail-type", ("--mail-type",), "When Slurm mails, such as END,FAIL."),
)


def resource_options(command: F) -> F:
    """Add the options that say what jobs ask for, each under sbatch's name."""
    command = click.option(
        "--sbatch", "sbatch", multiple=True, metavar="OPTION=VALUE", help="Any other option of sbatch."
    )(command)
    for name, flags, text in reversed(_RESOURCES):
        command = click.option(*flags, name.replace("-", "_"), help=text)(command)
    return command


def resource_flags(given: dict[str, object]) -> dict[str, str]:
    """Take sbatch's options out of a command's arguments."""
    flags = {name: str(given[key]) for name, _, _ in _RESOURCES if given.get(key := name.replace("-", "_"))}
    pairs = given.get("sbatch")
    return {**pairs_of(pairs if isinstance(pairs, tuple) else (), option="--sbatch"), **flags}


def pairs_of(words: Iterable[str], *, option: str) -> dict[str, str]:
    """Split ``name=value`` words.

    Raises
    ------
    ParameterError
        If a word has no ``=``, or a name comes twice.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ParameterError(f"{option} takes NAME=VALUE, not {word!r}")
        if not _is_text(value):
            raise ParameterError(f"{option} {name}: the value is not text in UTF-8")
        if name in pairs:
            raise ParameterError(f"{option} {name} is given twice")
        pairs[name] = value
    return pairs


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def this_user() -> str:
    """Return who runs the command; empty where the machine does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
