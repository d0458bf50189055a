"""Say whether a container works: the engine comes round, and a worker of OMERO has its processor."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ADDRESS = (
    os.environ.get("BIOMERO_HEALTH_ADDRESS") or os.environ.get("BIOMERO_WORKER_HTTP") or "127.0.0.1:8766"
)
TIMEOUT_S = 5
# HTTP_PROXY is for the world outside
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def obstacles() -> Iterator[str]:
    """Yield what does not work."""
    if os.environ.get("BIOMERO_ENGINE", "biomero worker"):
        try:
            DIRECT.open(f"http://{ADDRESS}/healthz", timeout=TIMEOUT_S).close()
        except (urllib.error.URLError, OSError) as exc:
            yield f"the engine does not come round: {exc}"
    if os.environ.get("OMERO_WORKER_KIND", "none") != "none":
        commands = list(_commands())
        for name, word in {"node": "icegridnode", "processor": "runProcessor"}.items():
            if not any(word in command for command in commands):
                yield f"there is no {name} of OMERO.grid"


def _commands() -> Iterator[list[str]]:
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        yield [Path(word.decode(errors="replace")).name for word in words]


def main() -> int:
    """Return 0 if all works, else 1 with the reasons on standard output."""
    found = list(obstacles())
    sys.stdout.write("; ".join(found) or "all works")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
