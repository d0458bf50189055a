"""What the two processes say to each other: a line of JSON, then the bytes that it announces."""

from __future__ import annotations

import json
from typing import IO, Any


def send(stream: IO[bytes], message: dict[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message and what follows it."""
    header = json.dumps(message | {"bytes": len(payload)}).encode()
    stream.write(header + b"\n")
    stream.write(payload)
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one message and what follows it; None when the other side has closed or died."""
    header = stream.readline()
    if not header.endswith(b"\n"):
        return None
    message: dict[str, Any] = json.loads(header)
    payload = stream.read(message["bytes"])
    return (message, payload) if len(payload) == message["bytes"] else None
