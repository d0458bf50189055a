"""How well a scheduler is, and what it would say to a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from biomero.domain.job import JobResources


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesInState:
    """Nodes of one partition that share a state.

    Parameters
    ----------
    names
        As the scheduler writes lists of nodes, such as ``n[1-3]``.
    state
        As the scheduler spells it, such as ``drained`` or ``idle*``.
    is_usable
        Jobs can be started there, at once or when others have ended.
    reason
        What an administrator, or the scheduler, said of it; may be empty.
    """

    names: str
    count: int
    state: str
    is_usable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionHealth:
    """A partition, whether it takes and starts jobs, and its nodes."""

    name: str
    is_default: bool
    state: str
    is_up: bool
    nodes: tuple[NodesInState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerLimits:
    """What a scheduler's configuration says; ``None`` where it does not."""

    max_array_size: int | None
    keeps_accounts: bool
    requires_association: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """An account that we may charge; `qos` are those we may ask for (empty: nothing is said)."""

    account: str
    partition: str
    qos: tuple[str, ...]


class SchedulerHealth(Protocol):
    """Answers an administrator's questions, as far as a plain account is told.

    Every method may also raise what `RemoteShell.run` raises.
    """

    def version(self) -> str:
        """Return the scheduler's name and version.

        Raises
        ------
        SchedulerUnavailableError
            If its programs are not on the login node; the message names them.
        """
        ...

    def check_controller(self) -> None:
        """Ask the controller for a sign of life; quick also where there is none.

        Raises
        ------
        SchedulerUnavailableError
            If it gives none.
        """
        ...

    def limits(self) -> SchedulerLimits:
        """Return what the configuration says.

        Raises
        ------
        SchedulerUnavailableError
            If the controller does not answer.
        """
        ...

    def partitions(self) -> list[PartitionHealth]:
        """Return the partitions that the account may see, with their nodes.

        Raises
        ------
        SchedulerUnavailableError
            If the controller does not answer.
        """
        ...

    def check_accounting(self) -> None:
        """Ask the account of jobs a question.

        Raises
        ------
        SchedulerUnavailableError
            If there is no answer.
        """
        ...

    def associations(self) -> list[Association] | None:
        """Return the accounts that we may charge; ``None`` where nobody can be asked.

        Raises
        ------
        SchedulerUnavailableError
            If the account of jobs does not answer.
        """
        ...

    def check_job(self, resources: JobResources) -> None:
        """Let the scheduler judge a job that asks for `resources`, without submitting it.

        Raises
        ------
        SubmissionRejectedError
            If it would refuse the job.
        """
        ...
