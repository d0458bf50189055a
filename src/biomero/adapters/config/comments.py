"""Comments at the ends of values: people write them, though a comment has its own line."""

from __future__ import annotations

import re

_COMMENT = re.compile(r"\s+#.*")
SHELL_KEYS = frozenset({"job_prologue"})
"""Keys whose values are lines of a shell script, with comments of their own."""


def cut_comment(key: str, value: str) -> str:
    """Return a value as it is taken.

    >>> cut_comment("sbatch_mem", "16G  # enough")
    '16G'
    """
    return value if key in SHELL_KEYS else _COMMENT.sub("", value)
