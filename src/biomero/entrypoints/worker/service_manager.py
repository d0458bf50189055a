"""Telling systemd how the worker is (``Type=notify``), and that it lives (``WatchdogSec=``)."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import MutableMapping

_LOG = logging.getLogger(__name__)
_MICRO = 1_000_000


class ServiceManager:
    """Sends words to the socket that a service manager gave; without one, nowhere.

    The variables are taken out of the environment: programs that the worker starts are not the service.

    Parameters
    ----------
    environment
        Where ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` stand.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        given = os.environ if environment is None else environment
        address = given.pop("NOTIFY_SOCKET", "")
        every, pid = given.pop("WATCHDOG_USEC", ""), given.pop("WATCHDOG_PID", "")
        # a name that begins with @ is no file; the kernel spells it with a zero byte
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        is_ours = not pid or pid == str(os.getpid())
        self.watchdog_every_s: float | None = None
        """How often `alive` has to be called: twice as often as the manager waits; ``None`` for never."""
        if self._address and is_ours and every.isdigit() and int(every) > 0:
            self.watchdog_every_s = int(every) / _MICRO / 2

    def ready(self, status: str) -> None:
        """Say that the worker works."""
        self._tell(f"READY=1\nSTATUS={_line(status)}")

    def status(self, text: str) -> None:
        """Say in a sentence what the worker is at."""
        self._tell(f"STATUS={_line(text)}")

    def alive(self) -> None:
        """Say that the worker lives; who does not say so in time is killed and started again."""
        if self.watchdog_every_s is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the worker is about to end."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto(words.encode(), self._address)
        except OSError as exc:  # a manager that is gone must not take the worker with it
            _LOG.warning("the service manager does not hear: %s", exc)


def _line(text: str) -> str:
    return " ".join(text.split())
