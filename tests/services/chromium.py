"""A real browser, spoken to over two pipes: what it shows, asks for, and says."""

from __future__ import annotations

import base64
import json
import os
import selectors
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_DEADLINE_S = 60.0


def ensure_packages() -> None:
    """Install Debian's Chromium where it is missing.

    Raises
    ------
    RuntimeError
        If it cannot be installed; the message says what to do.
    """
    if shutil.which("chromium"):
        return
    root = () if os.geteuid() == 0 else ("sudo", "-n")
    packages = ("chromium", "fonts-dejavu-core")
    install = (*root, "apt-get", "-o", "DPkg::Lock::Timeout=600", "install", "-y", "--no-install-recommends")
    done = subprocess.run((*install, *packages), capture_output=True, text=True, check=False)
    if done.returncode != 0 or not shutil.which("chromium"):
        raise RuntimeError(
            f"install the packages {' '.join(packages)} for the browser tests: {done.stderr[-500:]}"
        )


class Browser:
    """Headless Chromium with one page, driven by the DevTools protocol over its pipes (no port is opened)."""

    def __init__(self, profile: Path) -> None:
        self._profile = profile
        self._next_id = 0
        self._buffer = b""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            [
                "bash", "-c", script, "bash", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
                "--disable-quic", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--remote-debugging-pipe", f"--user-data-dir={self._profile}", "about:blank",
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_browser)
        os.close(from_browser)
        target = self._ask("Target.createTarget", {"url": "about:blank"}, session=None)["targetId"]
        attached = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True}, session=None)
        self._session: str = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._write)  # the browser ends when nobody speaks to it any more
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._read)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command to the page and return its answer."""
        return self._ask(method, parameters, session=self._session)

    def open(self, address: str) -> None:
        """Open an address and wait until it is loaded."""
        self.events.clear()
        self.ask("Page.navigate", url=address)
        deadline = time.monotonic() + _DEADLINE_S
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self._receive(deadline)

    def evaluate(self, expression: str) -> Any:
        """Return what a JavaScript expression gives in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def requests(self) -> list[str]:
        """Return every address that the page has asked for since it was opened."""
        sent = (e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent")
        return [event["request"]["url"] for event in sent]

    def complaints(self) -> list[str]:
        """Return what the browser and the page have written to the console."""
        return [
            json.dumps(e["params"])
            for e in self.events
            if e["method"] in {"Log.entryAdded", "Runtime.consoleAPICalled"}
        ]

    def screenshot(self, path: Path, *, width: int = 1200, dark: bool = False) -> None:
        """Write a picture of the whole page."""
        scheme = "dark" if dark else "light"
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        answer = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _ask(self, method: str, parameters: dict[str, Any], *, session: str | None) -> dict[str, Any]:
        self._next_id += 1
        command = {"id": self._next_id, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._next_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _receive(self, deadline: float) -> dict[str, Any]:
        """Return the next message; events are kept as well."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._read, selectors.EVENT_READ)
            while b"\0" not in self._buffer:
                if not selector.select(timeout=max(0.0, deadline - time.monotonic())):
                    raise TimeoutError("the browser did not answer in time")
                chunk = os.read(self._read, 1 << 20)
                if not chunk:
                    raise RuntimeError("the browser has ended")
                self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message
