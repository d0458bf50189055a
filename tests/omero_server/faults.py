"""What tests let go wrong: calls that are slow, or fail a number of times."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

import Ice
import omero


@dataclass(slots=True)
class _Fault:
    operation: str
    times: int
    delay_s: float
    error: str


class Faults:
    """The faults that wait for a call, and how often each operation was called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Fault] = []
        self.calls: Counter[str] = Counter()

    def add(self, operation: str, *, times: int = 1, delay_s: float = 0, error: str = "") -> None:
        """Let the next calls of ``Service.operation`` wait, and then fail if an exception is named."""
        with self._lock:
            self._waiting.append(_Fault(operation, times, delay_s, error))

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._waiting.clear()

    def strike(self, operation: str) -> None:
        """Do what was asked for this call."""
        with self._lock:
            self.calls[operation] += 1
            fault = next((f for f in self._waiting if f.operation == operation and f.times > 0), None)
            if fault is not None:
                fault.times -= 1
        if fault is None:
            return
        time.sleep(fault.delay_s)
        if fault.error:
            raise _exception(fault.error, operation)


def _exception(name: str, operation: str) -> Exception:
    """Make an exception of omero's or Ice's by its name."""
    message = f"{operation} fails because a test wants it to"
    of_ice = getattr(Ice, name, None)
    if of_ice is not None:
        return of_ice()  # type: ignore[no-any-return] # Ice has no types
    return getattr(omero, name)(None, None, message)  # type: ignore[no-any-return] # likewise
