"""The database behind a Slurm cluster's accounting: MariaDB on a unix socket, and its first accounts."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from services import slurm_config as files
from services.processes import Daemons, wait_until


class AccountingDatabase:
    """MariaDB in a lab's folder, its tables in memory where there is room."""

    def __init__(self, folder: Path, daemons: Daemons, *, env: dict[str, str]) -> None:
        self.socket = folder / "mysql" / "mysqld.sock"
        self._folder = folder
        self._daemons = daemons
        self._env = env

    def start(self, lab: files.LabLayout) -> None:
        """Make an empty database and start its server."""
        data = self._folder / "mysql" / "data"
        if Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 1 << 30:
            # In memory the tables are there in 2 s instead of 6 s.
            data.symlink_to(tempfile.mkdtemp(prefix="biomero-lab-", dir="/dev/shm"))
        else:
            data.mkdir()
        shutil.chown(data, "mysql", "mysql")
        settings = self._folder / "etc" / "my.cnf"
        settings.write_text(files.mariadb_conf(lab, data))
        with (self._folder / "log" / "mariadb-install.out").open("wb") as out:
            subprocess.run(
                [
                    *("mariadb-install-db", f"--defaults-file={settings}", "--user=mysql"),
                    *("--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"),
                ],
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._env,
            )
        self._daemons.start("mariadbd", ["mariadbd", f"--defaults-file={settings}", "--user=mysql"])
        client = ["--no-defaults", f"--socket={self.socket}", "--user=root"]
        wait_until(lambda: self._run(["mariadb-admin", *client, "ping"]), "MariaDB answers")
        created = self._run(
            ["mariadb", *client],
            stdin=b"create user slurm@localhost identified by 'slurm';"
            b"create database slurm_acct_db; grant all on slurm_acct_db.* to slurm@localhost;",
        )
        if not created:
            raise subprocess.SubprocessError("the database could not be made")

    def add_accounts(self, user: str) -> None:
        """Tell slurmdbd of the cluster and its people; before slurmctld starts, which asks for it once."""
        done = self._run(
            ["sacctmgr", "--immediate", "--quiet"],
            stdin=f"""add cluster lab
add qos high Priority=100
add qos tiny MaxWall=00:01:00 MaxTRESPerUser=cpu=2 Flags=DenyOnLimit
add account imaging Cluster=lab
add user {user} Account=imaging Cluster=lab QOS=normal,high,tiny DefaultQOS=normal
add user root Account=imaging Cluster=lab
quit
""".encode(),
        )
        if not done:
            raise subprocess.SubprocessError("sacctmgr could not add the accounts")

    def remove(self) -> None:
        """Remove what lies outside the lab's folder; the server has ended."""
        data = self._folder / "mysql" / "data"
        if data.is_symlink():
            shutil.rmtree(data.readlink(), ignore_errors=True)
            data.unlink()

    def _run(self, argv: Sequence[str], *, stdin: bytes = b"") -> bool:
        done = subprocess.run(list(argv), input=stdin, capture_output=True, check=False, env=self._env)
        return done.returncode == 0
