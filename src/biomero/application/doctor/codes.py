"""The codes of findings: what each means and what to do. The page of the documentation is made from this."""

from __future__ import annotations

import enum

from biomero.application.doctor.findings import Finding, Level


class Code(enum.Enum):
    """Each with its name for ever, what is wrong where it is no *ok*, and the remedy."""

    CONFIGURATION = (
        "config",
        "A file of settings cannot be used, or holds something that is likely a mistake.",
        (
            "Correct the file, section and key that the message names; `biomero config check` reads them "
            "again."
        ),
    )
    VERSIONS = (
        "versions",
        "Which BIOMERO and which Python run here; never a problem.",
        "",
    )
    STATE_SPACE = (
        "state.space",
        "The folder where this machine keeps its state has little space, or cannot be written.",
        "Make room on that disk, or move the folder: set BIOMERO_STATE to one with more space.",
    )
    RECORD = (
        "record",
        "The database that holds the runs cannot be reached.",
        (
            "Start the database, or correct sqlalchemy_url in [ANALYTICS] (or SQLALCHEMY_URL) and its "
            "password."
        ),
    )
    SSH_KEYS = (
        "ssh.keys",
        "Others on this machine can read a private key; ssh itself would refuse to use it.",
        "chmod 600 the key and chmod 700 its folder; in a container, where they are mounted from.",
    )
    GRID = (
        "omero.grid",
        "The registry of OMERO.grid does not answer this worker.",
        (
            "Check that OMERO.server is up, CONFIG_omero_master_host, and that its port 4061 is open for "
            "this worker."
        ),
    )
    PROCESSOR = (
        "omero.processor",
        "Not exactly one server runs OMERO's scripts, or it is not this worker's.",
        (
            "In CONFIG_omero_server_nodedescriptors of OMERO.server name Processor-0 once, at the node of "
            "this worker; then look into var/log there."
        ),
    )
    OMERO_SCRIPT = (
        "omero.script",
        "A script of OMERO did not run on this worker and come back.",
        "Look into var/log/Processor-0.log of the worker and Blitz-0.log of OMERO.server.",
    )
    VARIABLES = (
        "omero.variables",
        "Scripts of OMERO do not see the variables that they should, or see too much.",
        (
            "Set BIOMERO_SCRIPT_VARIABLES and BIOMERO_SCRIPT_DATABASE where the worker is started, and start "
            "it again."
        ),
    )
    OMERO_LOGIN = (
        "omero.login",
        "BIOMERO cannot be the user at OMERO.",
        (
            "Check host, port, user and password of [OMERO]; with sudo, the account has to be a restricted "
            "administrator with the privilege Sudo."
        ),
    )
    OMERO_WRITING = (
        "omero.writing",
        "What runs make in OMERO cannot be made there, or is not what it should be.",
        (
            "Read the message; the user has to be allowed to import and annotate in that group. If it does "
            "not help, report it with the release of OMERO.server."
        ),
    )
    OMERO_TRACES = (
        "omero.traces",
        "What was made for the test could not be deleted.",
        "Delete in OMERO what the message names.",
    )
    SSH_ALIAS = (
        "ssh.alias",
        "The name of the cluster is no alias of the SSH configuration, or its entry is wrong.",
        ("Add a Host entry with HostName, User and IdentityFile to ~/.ssh/config, or correct host in [SSH]."),
    )
    SSH_REACHABLE = (
        "ssh.unreachable",
        "Nothing answers at the address of the login node, or the connection broke off.",
        (
            "Check HostName and Port of the alias, the network (VPN, firewall, jump host) and whether "
            "sshd runs there."
        ),
    )
    SSH_HOST_KEY = (
        "ssh.host-key",
        "The login node shows a host key that is unknown or has changed; nothing was sent to it.",
        (
            "Ask the cluster's administrators which key is right; only then correct the known_hosts file "
            "as the message says."
        ),
    )
    SSH_LOGIN = (
        "ssh.login",
        "The login node answers but refuses our key.",
        (
            "Put the public key into ~/.ssh/authorized_keys there, or correct User and IdentityFile of "
            "the alias."
        ),
    )
    SHELL = (
        "login.shell",
        "Commands without a terminal do not run as they should on the login node.",
        (
            "Check the account's login shell and start-up files (~/.bashrc): they must let `ssh HOST "
            "true` succeed."
        ),
    )
    PROGRAMS = (
        "login.programs",
        "Programs that BIOMERO runs on the login node are missing there.",
        ("Have them installed, or put their folder on the PATH of commands without a terminal (~/.bashrc)."),
    )
    CLOCK = (
        "clock",
        "A clock there and the clock here differ by more than a minute.",
        (
            "Let both follow a time server (`timedatectl`, chrony); ask the administrators if it is the "
            "cluster's."
        ),
    )
    DATA_PATH = (
        "data.path",
        "The folder for runs on the cluster cannot be made or written.",
        (
            "Choose a folder of the account's own as slurm_data_path in [SLURM], or have its permissions, "
            "or the file system's state (read-only after an error?), corrected."
        ),
    )
    DATA_PERMISSIONS = (
        "data.permissions",
        "Other accounts of the cluster can read or change the folder for runs.",
        "On the login node: chmod 700 that folder.",
    )
    DATA_SPACE = (
        "data.space",
        "The file system of the folder for runs is full, or nearly.",
        (
            "Remove old runs (`biomero cluster clean`), ask for more space, or set slurm_data_path to "
            "another disk."
        ),
    )
    DATA_INODES = (
        "data.inodes",
        "The file system of the folder for runs can hold few more files.",
        (
            "Remove old runs (`biomero cluster clean`) or other small files there, or ask for a larger "
            "allowance."
        ),
    )
    DATA_QUOTA = (
        "data.quota",
        "The account is over a quota.",
        "Remove files of that account, or ask the administrators for a larger quota.",
    )
    RUNTIME = (
        "runtime",
        "The container runtime is not there.",
        (
            "Name it as container_executable in [SLURM], or the modules that bring it as "
            "container_modules; else ask for Apptainer."
        ),
    )
    DESCRIPTOR = (
        "workflow.descriptor",
        "The descriptor of a configured workflow cannot be had, so that its image is not known.",
        "Check the workflow's _repo in [WORKFLOWS] and this machine's way to the code host.",
    )
    IMAGE = (
        "image",
        "The container image of a configured workflow, or of a converter, is not on the cluster.",
        "Run `biomero cluster prepare`.",
    )
    IMAGE_DAMAGED = (
        "image.damaged",
        "A file is there under the name of a container image, but it is no whole image.",
        "Remove that file and run `biomero cluster prepare`.",
    )
    SLURM_PROGRAMS = (
        "slurm.programs",
        "Slurm's commands are not found on the login node.",
        (
            "Check that it is a login node of a Slurm cluster, and that commands without a terminal find "
            "Slurm on their PATH."
        ),
    )
    CONTROLLER = (
        "slurm.controller",
        "Slurm's controller does not answer, so that no job can be submitted.",
        "Ask the administrators: slurmctld is down or cannot be reached from the login node.",
    )
    PARTITION = (
        "slurm.partition",
        "A partition that is used does not exist, takes no jobs, or has no node that could run one.",
        "Choose another partition in the configuration, or ask the administrators when it comes back.",
    )
    NODES = (
        "slurm.nodes",
        "Some nodes of a partition that is used are out of service; jobs run on the others.",
        "Nothing has to be done; ask the administrators if it lasts.",
    )
    ACCOUNTING = (
        "slurm.accounting",
        ("Slurm's account of jobs (slurmdbd) does not answer: what ended jobs used is not known meanwhile."),
        "Ask the administrators: slurmdbd or its database is down.",
    )
    NO_ACCOUNTING = (
        "slurm.no-accounting",
        "This cluster keeps no account of jobs; how jobs end is then taken from the files they leave.",
        "Nothing has to be done; what jobs used (time, memory) will be missing in reports.",
    )
    ASSOCIATION = (
        "slurm.account",
        "The account or QOS that jobs ask for is none of ours.",
        ("Correct sbatch_account or sbatch_qos in [SLURM], or ask the administrators to add the account."),
    )
    TEST_JOB = (
        "slurm.refused",
        "Slurm would refuse a job that asks for what is configured.",
        "Correct the sbatch_ keys in [SLURM], or the workflow's _job_ keys in [WORKFLOWS].",
    )
    ARRAYS = (
        "slurm.arrays",
        "The cluster allows only small job arrays (MaxArraySize): many batches go one after the other.",
        "Ask for a larger MaxArraySize if runs with --batch-size take too long.",
    )
    NODE_WAITS = (
        "node.waits",
        "The small job that looks at a compute node did not start in time.",
        (
            "If the reason is about resources or priority the cluster is just busy; else correct what it "
            "names."
        ),
    )
    NODE_JOB = (
        "node.job",
        "The small job that looks at a compute node failed.",
        ("Read the end of its log in the message; job_prologue in [SLURM] and the node itself are suspects."),
    )
    NODE_DATA = (
        "node.data",
        (
            "The folder for runs is not the same on a compute node as on the login node, or not writable "
            "there."
        ),
        "Choose a file system that both share as slurm_data_path, or have the node's mount repaired.",
    )
    NODE_PYTHON = (
        "node.python",
        (
            "There is no Python 3 on a compute node, which workflows without a container and the "
            "conversion need."
        ),
        "Have python3 installed, bring it by job_prologue, or name one with --python.",
    )
    NODE_SPACE = (
        "node.space",
        "There is little space for temporary files on a compute node.",
        "Set TMPDIR to a roomier disk in job_prologue, or have the node cleaned.",
    )
    UNANSWERED = (
        "unanswered",
        "A question got no answer, or none that could be understood.",
        "Try again; if it stays, report it with the message.",
    )

    def __init__(self, name: str, meaning: str, remedy: str) -> None:
        self.code = name
        self.meaning = meaning
        self.remedy = remedy

    def ok(self, subject: str, message: str) -> Finding:
        """Return the finding that all is well."""
        return Finding(code=self.code, level=Level.OK, subject=subject, message=message)

    def warning(self, subject: str, message: str) -> Finding:
        """Return a finding that somebody should know of."""
        return Finding(
            code=self.code, level=Level.WARNING, subject=subject, message=message, remedy=self.remedy
        )

    def problem(self, subject: str, message: str) -> Finding:
        """Return a finding that keeps runs from working."""
        return Finding(
            code=self.code, level=Level.PROBLEM, subject=subject, message=message, remedy=self.remedy
        )


def codes_page() -> str:
    """Return the table of codes for the documentation, in Markdown."""
    rows = "".join(f"| `{c.code}` | {c.meaning} | {c.remedy or '-'} |\n" for c in Code)
    return f"| code | what it means when it is no *ok* | what to do |\n| --- | --- | --- |\n{rows}"
