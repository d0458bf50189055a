"""What documented calls give back: how a command or a transfer ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from biomero.application.ports.shell import CommandResult


@dataclass(kw_only=True)
class Result:
    """How a command ended.

    Examples
    --------
    >>> result = Result(command="true", exited=0)
    >>> result.ok, bool(result), result.__dict__["command"]
    (True, True, 'true')
    """

    command: str = ""
    stdout: str = ""
    stderr: str = ""
    exited: int = 0
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """It ended with status 0."""
        return self.exited == 0

    @property
    def failed(self) -> bool:
        """It ended with another status than 0."""
        return not self.ok

    @property
    def return_code(self) -> int:
        """The exit status, by its other documented name."""
        return self.exited

    def __bool__(self) -> bool:
        return self.ok

    @classmethod
    def of(cls, ended: CommandResult, *, command: str, env: Mapping[str, str] | None = None) -> Result:
        """Return what a shell said, under the documented names."""
        return cls(
            command=command,
            stdout=ended.stdout,
            stderr=ended.stderr,
            exited=ended.exit_status,
            env=dict(env or {}),
        )


@dataclass(kw_only=True)
class TransferResult:
    """A file that was moved: its place here and its place on the cluster."""

    local: str
    remote: str
