"""The shell scripts that lie beside this file, and their answers."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """Return the text of a script for ``sh -c``."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def answers(stdout: str) -> list[tuple[str, str]]:
    r"""Read lines such as ``biomero:user jane``; others come from start-up files of the account.

    >>> answers("Welcome!\nbiomero:user jane\n")
    [('user', 'jane')]
    """
    lines = (line.removeprefix("biomero:") for line in stdout.splitlines() if line.startswith("biomero:"))
    return [(word, value) for word, _, value in (line.partition(" ") for line in lines)]


def shell_for(modules: tuple[str, ...]) -> tuple[str, ...]:
    """Return the shell that runs a script: only a login shell knows environment modules."""
    return ("bash", "-l") if modules else ("sh",)
