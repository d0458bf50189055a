"""Refs of repositories: which ones stay, and which ones move on."""

from __future__ import annotations

_MOVING = frozenset({"develop", "dev", "head", "latest", "main", "master", "trunk"})


def is_moving(ref: str) -> bool:
    """Say whether a ref is the usual name of a branch, which means something else another day.

    >>> [is_moving(ref) for ref in ("master", "HEAD", "v1.2", "0a1b2c3")]
    [True, True, False, False]
    """
    return ref.lower() in _MOVING
