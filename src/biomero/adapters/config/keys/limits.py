"""Keys of a cluster that say how much is asked of it, and what is tried again."""

from __future__ import annotations

from biomero.adapters.config import kinds
from biomero.adapters.config.keys.setting import CLUSTER, Setting
from biomero.adapters.config.kinds import number, whole_number
from biomero.application.settings import MIN_CHANNELS, ClusterSettings

_CLUSTER = ClusterSettings()

LIMITS = (
    Setting(
        section="SLURM",
        key="ssh_max_channels",
        kind=whole_number(at_least=MIN_CHANNELS),
        default=str(_CLUSTER.max_channels),
        meaning="How many things may go over the one SSH login at the same time.",
    ),
    Setting(
        section="SLURM",
        key="ssh_commands_per_second",
        kind=number(at_least=0.1),
        default=f"{_CLUSTER.commands_per_s:g}",
        meaning="How many commands the run engine sends to the login node, in the long run.",
    ),
    Setting(
        section="SLURM",
        key="ssh_command_burst",
        kind=whole_number(at_least=1),
        default=str(_CLUSTER.command_burst),
        meaning="How many commands it sends at once after a quiet time.",
    ),
    Setting(
        section="SLURM",
        key="array_limit",
        kind=whole_number(at_least=1),
        example="20",
        meaning="How many tasks of a job array may run at the same time (`%` of `sbatch --array`); without "
        "it, as many as the cluster lets.",
    ),
    Setting(
        section="SLURM",
        key="retry_memory_factor",
        kind=number(at_least=1),
        default=f"{_CLUSTER.retry.memory_factor:g}",
        example="1.5",
        meaning="How much more memory a job asks for that ran out of it and is tried again; 1 for not "
        "trying it again.",
    ),
    Setting(
        section="SLURM",
        key="retry_time_factor",
        kind=number(at_least=1),
        default=f"{_CLUSTER.retry.time_factor:g}",
        example="2",
        meaning="How much more time a job asks for that met its time limit and is tried again; 1 for not "
        "trying it again.",
    ),
    Setting(
        section="SLURM",
        key="retry_most",
        kind=whole_number(at_least=0),
        default=str(_CLUSTER.retry.most),
        meaning="How often a failed job is tried again by itself, for want of memory or time or because of "
        "its node.",
    ),
    Setting(
        section="SLURM",
        key="retry_exclude_nodes",
        kind=kinds.BOOLEAN,
        default="true",
        meaning="Whether a job whose node failed is tried once more without that node.",
    ),
    Setting(
        section="SLURM",
        key="max_runs",
        kind=whole_number(at_least=1),
        example="50",
        meaning="How many runs may have jobs there at once, conversions or workflows, all workers counted; "
        "further ones wait their turn. Any number without it.",
    ),
    Setting(
        section="SLURM",
        key="ssh_config",
        kind=kinds.LINE,
        example="/etc/biomero/ssh_config",
        meaning="OpenSSH's client configuration to read instead of the account's own.",
    ),
    Setting(
        section=CLUSTER,
        key="default",
        kind=kinds.BOOLEAN,
        default="false",
        meaning="Whether runs go to this cluster when nobody says where.",
    ),
)
