"""What tests let go wrong: calls that are slow, fail, lose their answer, or end the server."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import Ice
import omero

CUT, DIE = "cut", "die"
"""Instead of an exception: the client's connection is closed; the server ends at once."""


@dataclass(slots=True)
class _Fault:
    operation: str
    times: int
    delay_s: float
    error: str
    after: bool


class Faults:
    """The faults that wait for a call, and how often each operation was called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Fault] = []
        self.calls: Counter[str] = Counter()

    def add(self, operation: str, *, times: int, delay_s: float, error: str, after: bool) -> None:
        """Let the next calls of ``Service.operation`` wait, and then fail if an error is named.

        Parameters
        ----------
        error
            An exception of omero or Ice, or `CUT` or `DIE`.
        after
            Whether that happens when the call was done already, instead of its answer.
        """
        with self._lock:
            self._waiting.append(_Fault(operation, times, delay_s, error, after))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def before(self, operation: str, current: Any) -> None:
        """Do what was asked for before this call."""
        with self._lock:
            self.calls[operation] += 1
        self._strike(operation, current, after=False)

    def after(self, operation: str, current: Any) -> None:
        """Do what was asked for instead of this call's answer."""
        self._strike(operation, current, after=True)

    def _strike(self, operation: str, current: Any, *, after: bool) -> None:
        with self._lock:
            found = (
                f for f in self._waiting if f.operation == operation and f.after is after and f.times > 0
            )
            fault = next(found, None)
            if fault is None:
                return
            fault.times -= 1
        time.sleep(fault.delay_s)
        if fault.error == DIE:
            os._exit(1)
        if fault.error == CUT:
            current.con.close(True)
            raise Ice.ConnectionLostException
        if fault.error:
            raise _exception(fault.error, operation)


def _exception(name: str, operation: str) -> Exception:
    """Make an exception of omero's or Ice's by its name."""
    message = f"{operation} fails because a test wants it to"
    made: Exception
    if hasattr(Ice, name):
        made = getattr(Ice, name)()
    elif issubclass(getattr(omero, name), omero.ServerError):
        made = getattr(omero, name)(None, None, message)
    else:
        made = getattr(omero, name)(message)
    return made
