"""A command for the login node."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Program, arguments, and what the program reads.

    Lists of jobs go through `stdin`: a whole remote command line may hold no more than 128 KiB.
    """

    argv: tuple[str, ...]
    stdin: bytes = b""
