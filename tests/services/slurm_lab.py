"""A real Slurm cluster with a real login node, on loopback, in a folder of its own.

As a program (from the folder ``tests``)::

    python -m services.slurm_lab up FOLDER
    python -m services.slurm_lab down FOLDER
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import random
import re
import shutil
import signal
import string
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from services import slurm_config as files
from services.insulation import Insulation
from services.login_node import LoginNode
from services.packages import ensure_account, ensure_packages
from services.processes import Daemons, end, free_ports, wait_until, with_environment
from services.slurm_database import AccountingDatabase

USER = "biomero-lab"
HOME = Path("/var/lib/biomero-lab")
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client", "openssh-server", "openssh-client")
ACCOUNTING_PACKAGES = ("slurmdbd", "mariadb-server")


class SlurmLab:
    """A cluster of some CPU nodes and one with pretended GPUs, its accounting, and its login node.

    Parameters
    ----------
    folder
        Everything but packages, the account and its home is in here. All users must be able to enter it.
    cgroup
        Real memory limits; ``None`` means wherever the machine allows.
    accounting
        Without it there is no slurmdbd, and ``sacct`` says so.
    min_job_age_s
        How long the controller remembers a job that has ended; then only accounting does.
    tag
        Begins the nodes' names; random if not given.
    """

    def __init__(
        self,
        folder: Path,
        *,
        nodes: int = 4,
        cgroup: bool | None = None,
        accounting: bool = True,
        min_job_age_s: int = 10,
        tag: str | None = None,
    ) -> None:
        self.folder = folder
        self.user = USER
        self.env = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
        }
        self.controller_program: Sequence[str] = ("slurmctld", "-D")
        self.has_cgroups = False
        self.has_accounting = accounting
        self._nodes = nodes
        self._cgroup = cgroup
        self._min_job_age_s = min_job_age_s
        self._tag = tag
        self.daemons = Daemons(folder, env=self.env)
        self.insulation = Insulation(folder / "cgroup", env=self.env)
        self._database = AccountingDatabase(folder, self.daemons, env=self.env)
        self.login_node = LoginNode(folder, self.daemons, user=USER, home=HOME, env=self.env)
        self.ssh_config = self.login_node.ssh_config
        self.alias = self.login_node.alias
        self._layout: files.LabLayout | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The home folder of the cluster's user."""
        return Path(self._account.pw_dir)

    @property
    def node_names(self) -> tuple[str, ...]:
        """The nodes; the last one has (pretended) GPUs."""
        return self._lab.node_names

    def start(self, *, guarded: bool = False) -> None:
        """Install what is missing, then start a fresh cluster; return when every node is idle.

        Parameters
        ----------
        guarded
            Stop the cluster also when this process dies without stopping it.

        Raises
        ------
        RuntimeError
            If it does not come up; nothing is left running, and the message holds the last log lines.
        """
        if os.geteuid() != 0:
            raise RuntimeError("only root can start a Slurm cluster with several users")
        ensure_packages((*PACKAGES, *(ACCOUNTING_PACKAGES if self.has_accounting else ())))
        ensure_account(USER, HOME)
        self.stop()
        if guarded:
            self._guard = self._start_guard()
        try:
            self._make_folders()
            self._write_files()
            self._start_munge()
            if self.has_accounting:
                self._database.start(self._lab)
                self.start_accounting()
                self._database.add_accounts(USER)
            self.start_controller()
            for name in self.node_names:
                self.start_node(name)
            self.login_node.start()
            wait_until(self._is_ready, "every node is idle", timeout_s=60)
        except (OSError, subprocess.SubprocessError, TimeoutError) as exc:
            logs = self._last_words()
            self.stop()
            raise RuntimeError(f"the Slurm lab in {self.folder} did not start: {exc}\n{logs}") from exc
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the jobs and exactly the processes that `start` started; half-started is fine too."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            if self.daemons.is_alive("slurmctld"):
                self._end_jobs()
        self.login_node.stop()
        names = self.daemons.names()
        last = ["slurmctld", "slurmdbd", "mariadbd", "munged"]
        for name in [n for n in names if n not in last] + [n for n in last if n in names]:
            self.daemons.stop(name)
        # Steps and processes of jobs that outlived their slurmd; all have our configuration's path.
        end([p for p in with_environment(f"SLURM_CONF={self.env['SLURM_CONF']}") if p != self._guard_pid])
        self._remove_control_groups()
        self._database.remove()
        self.login_node.remove()
        if self._guard is not None:
            self._guard.communicate(b"done")
            self._guard = None

    def run_as_user(
        self, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program as the cluster's user, in the home folder."""
        account = self._account
        return subprocess.run(
            list(argv),
            input=stdin,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            cwd=account.pw_dir,
            env={**self.env, "HOME": account.pw_dir, "USER": USER, "LOGNAME": USER},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
        )

    def run_as_root(self, argv: Sequence[str], *, stdin: bytes = b"") -> str:
        """Run an administrator's command such as ``scontrol``; return what it says."""
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, check=True, timeout=60, env=self.env
        )
        return done.stdout.decode()

    def start_controller(self) -> None:
        """Start slurmctld; it knows again what it knew."""
        self._start_inside("slurmctld", self.controller_program)
        wait_until(self._controller_answers, "slurmctld answers")

    def stop_controller(self) -> None:
        """Stop slurmctld; jobs go on."""
        self.daemons.stop("slurmctld")

    def start_node(self, name: str, *, inside: Sequence[str] = (), options: Sequence[str] = ()) -> None:
        """Start a node's slurmd.

        Parameters
        ----------
        inside
            What stands before the command, such as `Insulation.with_mounts`.
        options
            More of slurmd's own.
        """
        self.daemons.start(name, [*inside, *self.insulation.wrap(["slurmd", "-D", "-N", name, *options])])

    def start_accounting(self) -> None:
        """Start slurmdbd."""
        socket = {"MYSQL_UNIX_PORT": str(self._database.socket)}
        self._start_inside("slurmdbd", ["slurmdbd", "-D"], env=socket)
        wait_until(self._accounting_answers, "slurmdbd answers")

    def stop_accounting(self) -> None:
        """Stop slurmdbd; jobs go on, and are accounted later."""
        self.daemons.stop("slurmdbd")

    @property
    def _lab(self) -> files.LabLayout:
        if self._layout is None:
            raise RuntimeError("the Slurm lab was not started")
        return self._layout

    @property
    def _account(self) -> pwd.struct_passwd:
        return pwd.getpwnam(USER)

    @property
    def _guard_pid(self) -> int | None:
        return self._guard.pid if self._guard else None

    def _make_folders(self) -> None:
        mounts = Path("/proc/self/mountinfo").read_text()
        if f" {self.folder}/" in mounts:
            raise RuntimeError(f"something is mounted below {self.folder}, which is to be emptied")
        shutil.rmtree(self.folder, ignore_errors=True)
        owners = {"munge": "munge", "slurm": "slurm", "state": "slurm", "mail": "slurm", "mysql": "mysql"}
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        for parent in self.folder.resolve().parents:
            if not parent.stat().st_mode & 0o001:
                raise RuntimeError(f"{parent} keeps other users out; the Slurm lab needs an open folder")
        for name in ("etc", "run", "log", "spool", "slurmd", "ssh", "dev", "bin", "cgroup", *owners):
            folder = self.folder / name
            folder.mkdir()
            folder.chmod(0o755)
            if name in owners and (name != "mysql" or self.has_accounting):
                shutil.chown(folder, owners[name], owners[name])
        for i in range(files.GPUS):
            os.mknod(self.folder / "dev" / f"gpu{i}", 0o20666, os.makedev(1, 3))

    def _write_files(self) -> None:
        self.insulation.probe(cgroups=self._cgroup is not False)
        self.has_cgroups = self.insulation.has_cgroups
        if self._cgroup and not self.has_cgroups:
            raise RuntimeError("this machine does not let us mount control groups (v1)")
        version = subprocess.run(["slurmctld", "-V"], capture_output=True, text=True, check=True).stdout
        major = re.search(r"\d+", version)
        ports = free_ports(self._nodes + 4)
        tag = self._tag or "".join(random.choices(string.ascii_lowercase, k=4))  # noqa: S311 - no secret
        self._layout = lab = files.LabLayout(
            folder=self.folder,
            tag=tag,
            host_name="localhost" if self.insulation.has_own_names else os.uname().nodename.partition(".")[0],
            nodes=self._nodes,
            controller_port=ports[0],
            accounting_port=ports[1],
            first_node_port=ports[3],
            slurm_major=int(major.group()) if major else 22,
            has_cgroups=self.has_cgroups,
            has_accounting=self.has_accounting,
            min_job_age_s=self._min_job_age_s,
        )
        etc = self.folder / "etc"
        (etc / "slurm.conf").write_text(files.slurm_conf(lab))
        (etc / "gres.conf").write_text(files.gres_conf(lab))
        cgroup = files.cgroup_conf(lab)
        if cgroup is not None:
            (etc / "cgroup.conf").write_text(cgroup)
        if self.has_accounting:
            dbd = etc / "slurmdbd.conf"
            dbd.touch(mode=0o600)
            dbd.write_text(files.slurmdbd_conf(lab))
            shutil.chown(dbd, "slurm", "slurm")
        mail = self.folder / "bin" / "drop_mail"
        mail.write_text(files.DROP_MAIL)
        mail.chmod(0o755)
        for name in lab.node_names:
            (self.folder / "spool" / name).mkdir()
        self.login_node.prepare(lab, port=ports[2])
        (self.folder / "lab.json").write_text(json.dumps({"tag": tag, "cgroups": self.has_cgroups}))

    def _start_inside(self, name: str, argv: Sequence[str], *, env: dict[str, str] | None = None) -> None:
        self.daemons.start(name, self.insulation.wrap(argv), env=env)

    def _start_munge(self) -> None:
        key = self.folder / "etc" / "munge.key"
        key.touch(mode=0o400)
        key.write_bytes(os.urandom(1024))
        shutil.chown(key, "munge", "munge")
        munge = self.folder / "munge"
        places = {
            "key-file": key,
            "socket": self._lab.munge_socket,
            "pid-file": munge / "munged.pid",
            "log-file": munge / "munged.log",
            "seed-file": munge / "munged.seed",
        }
        options = [f"--{name}={path}" for name, path in places.items()]
        self.daemons.start("munged", ["munged", "--foreground", "--num-threads=10", *options], user="munge")
        probe = ["munge", f"--socket={self._lab.munge_socket}", "--no-input"]
        wait_until(lambda: self._succeeds(probe), "munged answers")

    def _succeeds(self, argv: Sequence[str]) -> bool:
        done = subprocess.run(
            list(argv), stdin=subprocess.DEVNULL, capture_output=True, check=False, env=self.env
        )
        return done.returncode == 0

    def _controller_answers(self) -> bool:
        self._require("slurmctld")
        return self._succeeds(["scontrol", "ping"])

    def _accounting_answers(self) -> bool:
        self._require("slurmdbd")
        return self._succeeds(["sacctmgr", "-n", "-i", "show", "cluster"])

    def _is_ready(self) -> bool:
        for name in self.node_names:
            self._require(name)
        states = self.run_as_root(["sinfo", "-h", "-N", "-o", "%N %T"]).split("\n")
        idle = {row.split()[0] for row in states if row.endswith(" idle")}
        return idle == set(self.node_names)

    def _require(self, name: str) -> None:
        if not self.daemons.is_alive(name):
            raise subprocess.SubprocessError(f"{name} ended at once")

    def _end_jobs(self) -> None:
        for state in ("PENDING", "RUNNING", "SUSPENDED"):
            self._succeeds(["scancel", f"--state={state}", f"--user={USER}"])
        with contextlib.suppress(TimeoutError):
            wait_until(
                lambda: not self.run_as_root(["squeue", "-h", "-o", "%i"]).strip(), "jobs end", timeout_s=15
            )

    def _remove_control_groups(self) -> None:
        memory = self.folder / "lab.json"
        if memory.exists() and json.loads(memory.read_text())["cgroups"]:
            self.insulation.remove_control_groups(json.loads(memory.read_text())["tag"])

    def _start_guard(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "services.slurm_lab", "guard", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            start_new_session=True,
        )

    def _last_words(self) -> str:
        logs = [
            *self.folder.glob("log/*"),
            *self.folder.glob("slurm/*.log"),
            *self.folder.glob("mysql/*.log"),
        ]
        tails = ((log, log.read_text(errors="replace").splitlines()[-8:]) for log in sorted(logs))
        return "\n".join(f"== {log}\n" + "\n".join(tail) for log, tail in tails if tail)


def _guard(folder: Path) -> None:
    """Wait until the process that started the lab is done or dead; in the second case stop the lab."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() != b"done":
        SlurmLab(folder).stop()


def main() -> None:
    """Start or stop a lab from a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down", "guard"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-accounting", action="store_true")
    arguments = parser.parse_args()
    lab = SlurmLab(arguments.folder.resolve(), accounting=not arguments.no_accounting)
    if arguments.action == "up":
        lab.start()
        sys.stdout.write(f"ready: ssh -F {lab.ssh_config} {lab.alias} sinfo\n")
    elif arguments.action == "down":
        lab.stop()
    else:
        _guard(arguments.folder.resolve())


if __name__ == "__main__":
    main()
