"""Saying an argv to the shell at the far end, so that it reaches the program unchanged.

This is the one place that quotes. SSH carries one string, which the account's login shell reads; inside
single quotes a POSIX shell changes nothing, so that every argument is put into those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def quoted(argument: str) -> str:
    """Return shell text which stands for exactly this argument.

    Raises
    ------
    ValueError
        If it holds NUL, which no argument of a program can.
    """
    if "\0" in argument:
        raise ValueError(f"an argument of a program cannot hold NUL: {argument!r}")
    return "'" + argument.replace("'", "'\"'\"'") + "'"


def command_line(argv: Sequence[str], *, env: Mapping[str, str] | None = None, marker: str = "") -> bytes:
    """Return what to send so that the far end runs `argv`.

    Parameters
    ----------
    argv
        The program and its arguments.
    env
        Set by `env` at the far end, as `AcceptEnv` of servers rarely lets any variable pass. Other people on
        the login node may see it in the list of processes: secrets go by `stdin`.
    marker
        Printed to both outputs before the program starts, so that what start-up files of the account print
        can be told from the program's own output.
    """
    if not argv:
        raise ValueError("there is no program to run")
    words = [quoted(argument) for argument in argv]
    if env:
        for name in env:
            if not name or "=" in name:
                raise ValueError(f"{name!r} is no name of an environment variable")
        # `env` would take a program with `=` in its name for one more variable, hence the shell between
        settings = [quoted(f"{name}={value}") for name, value in env.items()]
        words = ["env", *settings, "sh", "-c", "'exec \"$@\"'", "sh", *words]
    text = "exec " + " ".join(words)
    if marker:
        text = f"printf %s {quoted(marker)}; printf %s {quoted(marker)} >&2; {text}"
    return text.encode(errors="surrogateescape")
