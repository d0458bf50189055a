"""Slurm's health, over any shell that reaches a login node."""

from __future__ import annotations

from biomero.adapters.slurm import administration as ask
from biomero.adapters.slurm.command import Command
from biomero.adapters.slurm.partition_health import node_states, parse_node_states
from biomero.adapters.slurm.sbatch import essence
from biomero.application.ports.scheduler_health import Association, PartitionHealth, SchedulerLimits
from biomero.application.ports.shell import CommandResult, RemoteShell
from biomero.domain.job import JobResources
from biomero.errors import SchedulerUnavailableError, SubmissionRejectedError

_TIMEOUT_S = 90.0


class SlurmHealth:
    """Asks Slurm how it is; see `SchedulerHealth`.

    Parameters
    ----------
    shell
        Runs programs on a login node.
    """

    def __init__(self, shell: RemoteShell) -> None:
        self._shell = shell

    def version(self) -> str:
        """See `SchedulerHealth.version`."""
        text, missing = ask.parse_version(self._ask(ask.version()).stdout)
        if missing:
            raise SchedulerUnavailableError(f"not found: {', '.join(missing)}")
        return text

    def check_controller(self) -> None:
        """See `SchedulerHealth.check_controller`."""
        done = self._ask(ask.ping())
        if not ask.is_controller_up(done.stdout):
            raise SchedulerUnavailableError(
                essence(done.stdout + done.stderr) or "scontrol ping said nothing"
            )

    def limits(self) -> SchedulerLimits:
        """See `SchedulerHealth.limits`."""
        return ask.parse_config(self._answer(ask.show_config()))

    def partitions(self) -> list[PartitionHealth]:
        """See `SchedulerHealth.partitions`."""
        return parse_node_states(self._answer(node_states()))

    def check_accounting(self) -> None:
        """See `SchedulerHealth.check_accounting`."""
        self._answer(ask.accounting())

    def associations(self) -> list[Association] | None:
        """See `SchedulerHealth.associations`."""
        return ask.parse_associations(self._answer(ask.associations()))

    def check_job(self, resources: JobResources) -> None:
        """See `SchedulerHealth.check_job`."""
        done = self._ask(ask.test_only(resources))
        if not done.ok:
            raise SubmissionRejectedError(essence(done.stderr) or "sbatch said nothing")

    def _ask(self, command: Command) -> CommandResult:
        return self._shell.run(command.argv, stdin=command.stdin, timeout_s=_TIMEOUT_S)

    def _answer(self, command: Command) -> str:
        done = self._ask(command)
        if not done.ok:
            raise SchedulerUnavailableError(essence(done.stderr) or f"exit status {done.exit_status}")
        return done.stdout
