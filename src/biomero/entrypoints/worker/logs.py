"""The worker's log: lines for people, or a JSON document a line; ids of runs, tasks and jobs are fields.

The standard library does it: a formatter of our own is shorter than the set-up of a logging library.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from biomero.application.log_fields import NAMES, fields_now

_CHATTY = ("httpx", "httpcore", "asyncssh", "alembic", "sqlalchemy")
"""Libraries whose INFO is not the story of a run; httpx also tells addresses, which may hold a token."""


class JsonLines(logging.Formatter):
    """One JSON document a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return json.dumps(document, default=str)


class TextLines(logging.Formatter):
    """A line for people; what it is about stands at its end."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an error's trace follows on lines of its own."""
        about = " ".join(f"{name}={_word(value)}" for name, value in fields_of(record).items())
        time = _time(record).strftime("%Y-%m-%dT%H:%M:%SZ")
        message = "".join(c if c.isprintable() else repr(c)[1:-1] for c in record.getMessage())
        line = f"{time} {record.levelname.lower()} {message}{f' [{about}]' if about else ''}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def fields_of(record: logging.LogRecord) -> Mapping[str, str]:
    """Return what a line is about: what it says itself, over what its thread is at."""
    own = {name: str(record.__dict__[name]) for name in NAMES if record.__dict__.get(name) is not None}
    return {**fields_now(), **own}


def log_to(stream: TextIO = sys.stderr, *, style: str, level: int = logging.INFO) -> None:
    """Send the log of the whole process to a stream.

    Parameters
    ----------
    style
        ``json``, or ``text``.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _word(value: str) -> str:
    return value if value.isprintable() and " " not in value else repr(value)
