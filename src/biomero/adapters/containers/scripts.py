"""The shell scripts that lie beside this file."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """Return the text of a script for ``sh -c``, without its comments: it becomes part of job scripts."""
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if line and not line.lstrip().startswith("#"))


def last_lines(text: str, count: int = 5) -> str:
    """Return the end of what a tool said, on one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-count:]) or "nothing was said"
