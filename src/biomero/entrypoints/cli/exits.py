"""From errors to exit codes and to what people read."""

from __future__ import annotations

import functools
import json
import select
import sys
from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar

import click
from eventsourcing.persistence import PersistenceError

from biomero.errors import (
    AuthenticationFailedError,
    BiomeroError,
    ClusterError,
    ConnectionFailedError,
    HostKeyError,
    ImageError,
    RecordError,
    RemoteTimeoutError,
    RunPausedError,
    SchedulerUnavailableError,
    SubmissionRejectedError,
    UsageError,
)

DONE = 0
RUN_FAILED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130

_AWAY = (
    AuthenticationFailedError,
    ConnectionFailedError,
    HostKeyError,
    RemoteTimeoutError,
    RunPausedError,
    SchedulerUnavailableError,
)
"""The cluster cannot be reached, whoever's fault it is, or the run waits until it can."""

P = ParamSpec("P")
R = TypeVar("R")


def exit_code(error: BiomeroError) -> int:
    """Return the exit code of an error that was met before a run came to its end."""
    if isinstance(error, UsageError | ImageError | SubmissionRejectedError):
        return USAGE
    if isinstance(error, _AWAY):
        return UNREACHABLE
    return USAGE if isinstance(error, ClusterError | RecordError) else RUN_FAILED


def tells_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Let a command end with one clear sentence and the right exit code.

    The command needs a parameter ``as_json``; with it the sentence is part of a JSON document.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        as_json = bool(kwargs.get("as_json"))
        try:
            return command(*args, **kwargs)
        except BiomeroError as exc:
            fail(str(exc), kind=type(exc).__name__, code=exit_code(exc), as_json=as_json)
        except BrokenPipeError as exc:
            if _has_reader():
                fail(str(exc), kind=type(exc).__name__, code=USAGE, as_json=as_json)
            raise  # click ends the program without a word: nobody wants to read on
        except (OSError, PersistenceError) as exc:  # this machine's own disk or database
            fail(str(exc), kind=type(exc).__name__, code=USAGE, as_json=as_json)
        except KeyboardInterrupt:
            fail("interrupted", kind="KeyboardInterrupt", code=INTERRUPTED, as_json=as_json)

    return wrapped


def _has_reader() -> bool:
    """Say whether what was printed can still be read by somebody."""
    try:
        number = sys.stdout.fileno()
    except OSError:  # no file, no pipe
        return True
    look = select.poll()
    look.register(number, 0)  # errors are told in any case
    return not look.poll(0)


def fail(message: str, *, kind: str, code: int, as_json: bool) -> NoReturn:
    """End the program with a message."""
    if as_json:
        print_json({"error": {"type": kind, "message": message}, "exit_code": code})
    else:
        click.echo(f"biomero: {printable(message)}", err=True)
    sys.exit(code)


def print_json(document: Any) -> None:  # noqa: ANN401 - JSON has no type
    """Print the one document of a command."""
    click.echo(json_text(document))


def json_text(document: Any) -> str:  # noqa: ANN401 - JSON has no type
    """Return a document as it is printed."""
    return json.dumps(document, indent=2, ensure_ascii=True)


def printable(text: str) -> str:
    """Return text without anything that would move the cursor or break the encoding.

    Names and logs come from elsewhere; a terminal must not obey them.
    """
    shown = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in shown)
