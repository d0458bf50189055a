"""The configuration files of a small Slurm cluster on one machine, as text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GPUS = 2
_QUICK = (
    "sched_interval=2,bf_interval=1,batch_sched_delay=0,sched_min_interval=0,"
    "default_queue_depth=2000,bf_max_job_test=2000"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabLayout:
    """What the files of one cluster have in common.

    Parameters
    ----------
    tag
        Begins every node's name: control groups carry the node's name, and two labs share the machine.
    host_name
        What the daemons take the machine's name for.
    has_cgroups
        Memory limits are real; otherwise Slurm polls and kills.
    min_job_age_s
        How long the controller remembers a job that has ended.
    """

    folder: Path
    tag: str
    host_name: str
    nodes: int
    controller_port: int
    accounting_port: int
    first_node_port: int
    slurm_major: int
    has_cgroups: bool
    has_accounting: bool
    min_job_age_s: int

    @property
    def munge_socket(self) -> Path:
        """Where munged listens."""
        return self.folder / "munge" / "munge.socket"

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes; the last one has (pretended) GPUs."""
        return (*(f"{self.tag}-n{i}" for i in range(1, self.nodes + 1)), f"{self.tag}-g1")


def slurm_conf(lab: LabLayout) -> str:
    """Return ``slurm.conf``."""
    folder = lab.folder
    track = "cgroup" if lab.has_cgroups else "linuxproc"
    lines = [
        "ClusterName=lab",
        f"SlurmctldHost={lab.host_name}(127.0.0.1)",
        "SlurmUser=slurm",
        f"SlurmctldPort={lab.controller_port}",
        "AuthType=auth/munge",
        # cred_expire is also how long a requeued job has to wait; its default is two minutes
        f"AuthInfo=socket={lab.munge_socket},cred_expire=10",
        "CredType=cred/munge",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool/%n",
        f"SlurmctldPidFile={folder}/slurm/slurmctld.pid",
        f"SlurmdPidFile={folder}/slurmd/%n.pid",
        f"SlurmctldLogFile={folder}/slurm/slurmctld.log",
        f"SlurmdLogFile={folder}/log/slurmd.%n.log",
        "SlurmctldDebug=info",
        "SlurmdDebug=info",
        f"MailProg={folder}/bin/drop_mail",
        # without this the daemons listen on every address of the machine
        "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny",
        f"ProctrackType=proctrack/{track}",
        f"TaskPlugin=task/{'cgroup' if lab.has_cgroups else 'none'}",
        "JobAcctGatherType=jobacct_gather/linux",
        "JobAcctGatherFrequency=task=1",
        *([] if lab.has_cgroups else ["JobAcctGatherParams=OverMemoryKill"]),
        "MpiDefault=none",
        "SwitchType=switch/none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        "SchedulerType=sched/backfill",
        f"SchedulerParameters={_QUICK}",
        "PriorityType=priority/basic",
        "DefMemPerCPU=1000",
        # a job over a partition's limit is refused at once, not left pending for ever
        "EnforcePartLimits=ALL",
        "JobRequeue=1",
        f"MinJobAge={lab.min_job_age_s}",
        "MaxArraySize=10001",
        "MaxJobCount=50000",
        "KillWait=2",
        "CompleteWait=0",
        "SlurmdTimeout=10",
        "SlurmctldTimeout=10",
        "MessageTimeout=10",
        "TCPTimeout=2",
        "ReturnToService=2",
        "PreemptType=preempt/partition_prio",
        "PreemptMode=REQUEUE",
        *_accounting(lab),
        "JobCompType=jobcomp/none",
        # believe the sizes below, whatever this machine has
        "SlurmdParameters=config_overrides",
        "GresTypes=gpu",
        *_nodes(lab),
        *_partitions(lab),
    ]
    return "\n".join(lines) + "\n"


def _accounting(lab: LabLayout) -> list[str]:
    if not lab.has_accounting:
        return ["AccountingStorageType=accounting_storage/none"]
    return [
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=127.0.0.1",
        f"AccountingStoragePort={lab.accounting_port}",
        # for munge this is the path of its socket
        f"AccountingStoragePass={lab.munge_socket}",
        "AccountingStoreFlags=job_comment",
        "AccountingStorageTRES=gres/gpu",
        "AccountingStorageEnforce=associations,limits,qos",
    ]


def _nodes(lab: LabLayout) -> list[str]:
    size = "CPUs=8 Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=16000"
    return [
        f"NodeName={name} NodeHostname={lab.host_name} NodeAddr=127.0.0.1 "
        f"Port={lab.first_node_port + i} {size}"
        f"{f' Gres=gpu:a100:{GPUS}' if name == lab.node_names[-1] else ''} State=UNKNOWN"
        for i, name in enumerate(lab.node_names)
    ]


def _partitions(lab: LabLayout) -> list[str]:
    cpu = ",".join(lab.node_names[:-1])
    gpu = lab.node_names[-1]
    return [
        f"PartitionName={name} Nodes={nodes} {limits} PriorityTier={tier} PreemptMode={preempt}"
        for name, nodes, limits, tier, preempt in (
            ("main", cpu, "Default=YES MaxTime=4:00:00 DefaultTime=10:00", 10, "OFF"),
            ("short", cpu, "MaxTime=1 DefaultTime=1", 20, "OFF"),
            ("gpu", gpu, "MaxTime=1-00:00:00 DefaultTime=10:00", 10, "OFF"),
            ("scavenge", cpu, "MaxTime=4:00:00 DefaultTime=10:00", 1, "REQUEUE"),
        )
    ]


def slurmdbd_conf(lab: LabLayout) -> str:
    """Return ``slurmdbd.conf``; slurmdbd wants it to be its own, and nobody else's to read."""
    return f"""AuthType=auth/munge
AuthInfo=socket={lab.munge_socket}
DbdHost={lab.host_name}
DbdAddr=127.0.0.1
DbdPort={lab.accounting_port}
CommunicationParameters=NoInAddrAny
SlurmUser=slurm
DebugLevel=info
LogFile={lab.folder}/slurm/slurmdbd.log
PidFile={lab.folder}/slurm/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
"""


def cgroup_conf(lab: LabLayout) -> str | None:
    """Return ``cgroup.conf``, or ``None`` where there must be none."""
    if lab.has_cgroups:
        return (
            f"CgroupPlugin=cgroup/v1\nCgroupMountpoint={lab.folder}/cgroup\n"
            "ConstrainRAMSpace=yes\nConstrainCores=no\nAllowedSwapSpace=0\n"
        )
    # Slurm 23 and later want to be told; earlier ones do not know the word.
    return "CgroupPlugin=disabled\n" if lab.slurm_major >= 23 else None


def gres_conf(lab: LabLayout) -> str:
    """Return ``gres.conf``."""
    return f"NodeName={lab.node_names[-1]} Name=gpu Type=a100 File={lab.folder}/dev/gpu[0-{GPUS - 1}]\n"


def mariadb_conf(lab: LabLayout, database: Path) -> str:
    """Return MariaDB's settings: a unix socket only, and no care for power cuts."""
    return f"""[mariadbd]
datadir={database}
socket={lab.folder}/mysql/mysqld.sock
pid-file={lab.folder}/mysql/mysqld.pid
log-error={lab.folder}/mysql/error.log
skip-networking
skip-name-resolve
skip-log-bin
innodb_buffer_pool_size=64M
innodb_log_file_size=16M
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
innodb_flush_method=nosync
innodb_doublewrite=0
performance_schema=OFF
"""


def sshd_config(lab: LabLayout, *, port: int, user: str, keys: str) -> str:
    """Return the login node's ``sshd_config``."""
    return f"""Port {port}
ListenAddress 127.0.0.1
HostKey {lab.folder}/ssh/host_ed25519
PidFile none
AuthorizedKeysFile {keys}
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PermitRootLogin no
AllowUsers {user}
StrictModes yes
UseDNS no
PrintMotd no
X11Forwarding no
LogLevel VERBOSE
SetEnv SLURM_CONF={lab.folder}/etc/slurm.conf
Subsystem sftp internal-sftp
"""


def ssh_config(lab: LabLayout, *, alias: str, port: int, user: str) -> str:
    """Return a client's ``ssh_config`` with one alias."""
    return f"""Host {alias}
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {lab.folder}/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile {lab.folder}/ssh/known_hosts
  StrictHostKeyChecking yes
  BatchMode yes
"""


DROP_MAIL = """#!/bin/sh
# MailProg, called as: drop_mail -s SUBJECT ADDRESS. A mail becomes a file.
file=$(mktemp "$(dirname "$0")/../mail/XXXXXXXX")
printf 'To: %s\\nSubject: %s\\n' "$3" "$2" >"$file" && mv "$file" "$file.eml"
"""
