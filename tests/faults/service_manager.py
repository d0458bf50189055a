"""What systemd does for a worker: it hears signs of life, and kills who gives none for too long."""

from __future__ import annotations

import os
import socket
import threading
from types import TracebackType
from typing import Self

from faults.workers import WorkerProcess

WITHIN_S = 20


class ServiceManager:
    """Looks after one worker, which is to be started with its `variables`.

    Attributes
    ----------
    signs
        How many signs of life it has heard.
    """

    def __init__(self) -> None:
        self.signs = 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._name = f"biomero-faults-{os.getpid()}-{id(self)}"
        self._listener.bind(f"\0{self._name}")
        self._is_over = threading.Event()

    @property
    def variables(self) -> dict[str, str]:
        """What a worker finds in its environment."""
        return {"NOTIFY_SOCKET": f"@{self._name}", "WATCHDOG_USEC": str(WITHIN_S * 1_000_000)}

    def watch(self, worker: WorkerProcess) -> None:
        """Kill the worker if it gives no sign for as long as it said that it would at most."""
        self._listener.settimeout(WITHIN_S)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()

    def _listen(self, worker: WorkerProcess) -> None:
        while not self._is_over.is_set():
            try:
                heard = self._listener.recv(4096)
            except TimeoutError:
                worker.kill()
                return
            except OSError:
                return
            self.signs += b"WATCHDOG=1" in heard

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._listener.close()
