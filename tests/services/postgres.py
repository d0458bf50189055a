"""A real PostgreSQL server on loopback, in a folder of its own, under an account without rights."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from services.packages import ensure_account
from services.packages import ensure_packages as ensure
from services.processes import descendants, free_ports, wait_until

PACKAGES = ("postgresql", "util-linux")
_ACCOUNT = "biomero-postgres"
_PROGRAMS = Path("/usr/lib/postgresql")
_TEMPLATE = "biomero_template"
_SETTINGS = {
    # a machine that loses its power loses these tests, too
    "fsync": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "timezone": "America/New_York",  # whoever stores moments without a zone shall notice
}


def ensure_packages() -> None:
    """Install PostgreSQL; nothing is started by that."""
    ensure(PACKAGES)


class PostgresServer:
    """One server. It ends with this process, however that ends.

    Parameters
    ----------
    data
        Where its data is, if not in the folder; only the server itself goes there.
    keeps_commits
        What was committed is there also after the server was killed.
    keeps_power_cuts
        It is on the disk even, as PostgreSQL has it by itself.
    inside
        What stands before every command of the server, such as one that enters a namespace.
    """

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        inside: Sequence[str] = (),
        keeps_commits: bool = False,
        keeps_power_cuts: bool = False,
    ) -> None:
        self._folder = folder
        waits = keeps_commits or keeps_power_cuts
        self._settings = {**_SETTINGS, "synchronous_commit": "on" if waits else "off"}
        if keeps_power_cuts:
            self._settings["fsync"] = "on"
        self._inside = tuple(inside)
        self._data = data or folder / "data"
        self.password = secrets.token_hex(8)
        (self.port,) = free_ports(1)
        self._become: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._count = itertools.count(1)

    def start(self) -> None:
        """Make an empty cluster and start its server."""
        ensure_packages()
        if os.geteuid() == 0:
            account = ensure_account(_ACCOUNT, Path(f"/var/lib/{_ACCOUNT}"))
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            identity = (f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
            self._become = ("setpriv", *identity)
        password = self._folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)  # the account reads it; the folder is closed to others
        self._run(
            "initdb",
            *("--pgdata", str(self._data), "--username=biomero", "--encoding=UTF8", "--locale=C.UTF-8"),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--no-sync"),
        )
        self.resume()

    def resume(self) -> None:
        """Start the server on the data that is there."""
        settings = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._inside,
                    *(self._become or ("setpriv",)),
                    *("--pdeathsig=INT", str(_program("postgres")), "-D", str(self._data)),
                    *("-h", "127.0.0.1", "-p", str(self.port), "-k", "", *settings),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        wait_until(self._answers, "PostgreSQL answers")

    def halt(self) -> None:
        """Stop the server at once; its data stays."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(2)  # SIGINT: connections are closed, and it ends
            self._process.wait(timeout=30)
            self._process = None

    @property
    def pid(self) -> int:
        """The process id of the server."""
        if self._process is None:
            raise RuntimeError("PostgreSQL does not run")
        return self._process.pid

    def ended(self) -> None:
        """Take note that the server has ended by force, so that `resume` may start it again."""
        if self._process is not None:
            self._process.wait(timeout=30)
            self._process = None

    def administer(self, *statements: str) -> None:
        """Run statements as the server's administrator, each a transaction of its own where it can be."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def freeze(self) -> None:
        """Stop the server and all that it has started where they stand, as a machine does that is paused."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._signal_all(signal.SIGCONT)

    def cut_connections(self) -> None:
        """End all connections but our own, as an administrator does."""
        self._execute(
            sql.SQL(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        )

    def _signal_all(self, number: signal.Signals) -> None:
        if self._process is not None:
            for pid in (self._process.pid, *descendants(self._process.pid)):
                with contextlib.suppress(ProcessLookupError):  # backends come and go
                    os.kill(pid, number)

    def template(self) -> str:
        """Return the address of the database that new ones are copies of; to be closed before the first."""
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        return self.url(_TEMPLATE)

    def database(self) -> str:
        """Return the address of a new database, a copy of the template."""
        return self.copy_of(self.url(_TEMPLATE))

    def copy_of(self, url: str) -> str:
        """Return the address of a new database that holds what another holds; nobody may be using that."""
        name = f"test_{next(self._count)}"
        names = (sql.Identifier(name), sql.Identifier(url.rpartition("/")[2]))
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return self.url(name)

    def empty_database(self) -> str:
        """Return the address of a new database without tables."""
        name = f"test_{next(self._count)}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def url(self, name: str, *, driver: str = "postgresql") -> str:
        """Return a database's address."""
        return f"{driver}://biomero:{self.password}@127.0.0.1:{self.port}/{name}"

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL ended: {(self._folder / 'server.log').read_text()[-2000:]}")
        try:
            psycopg.connect(self.url("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, name: str, *arguments: str) -> None:
        argv: Sequence[str] = (*self._inside, *self._become, str(_program(name)), *arguments)
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode != 0:
            raise RuntimeError(f"{name} failed: {done.stdout[-1000:]}{done.stderr[-2000:]}")


def _program(name: str) -> Path:
    """Return one of the server's programs; Debian keeps them out of ``PATH``, a folder for each version."""
    found = sorted(_PROGRAMS.glob(f"*/bin/{name}"), key=lambda p: int(p.parts[-3]))
    if not found:
        raise RuntimeError(f"{name} is not below {_PROGRAMS}: install {PACKAGES[0]}")
    return found[-1]
