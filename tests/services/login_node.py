"""The login node of a Slurm cluster: a real sshd on loopback, with keys and a client's configuration."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from services import slurm_config as files
from services.processes import Daemons, descendants, end, wait_until


class LoginNode:
    """An sshd that lets one account in, by key.

    Attributes
    ----------
    ssh_config
        A client's configuration, in which `alias` is this node.
    port
        Where its sshd listens.
    """

    def __init__(self, folder: Path, daemons: Daemons, *, user: str, home: Path, env: dict[str, str]) -> None:
        self.alias = "lab"
        self.ssh_config = folder / "ssh" / "config"
        self._folder = folder / "ssh"
        self._daemons = daemons
        self._user = user
        self.port = 0
        self._changed: Mapping[str, str] = {}
        self._env = env
        # In the home folder, as sshd refuses keys below a folder that everybody may write to; labs share it.
        self._keys = home / ".ssh" / f"keys{str(folder).replace('/', '-')}"

    def prepare(self, lab: files.LabLayout, *, port: int) -> None:
        """Make keys and configurations."""
        self.port = port
        settings = files.sshd_config(lab, port=port, user=self._user, keys=str(self._keys))
        (self._folder / "sshd_config").write_text(settings)
        self.ssh_config.write_text(files.ssh_config(lab, alias=self.alias, port=port, user=self._user))
        for key in ("host_ed25519", "id_ed25519"):
            self.make_key(key)
        host_key = " ".join((self._folder / "host_ed25519.pub").read_text().split()[:2])
        (self._folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        self._keys.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(self._folder / "id_ed25519.pub", self._keys)
        self._keys.chmod(0o644)

    def start(self, *, inside: Sequence[str] = ()) -> None:
        """Start sshd; return when it lets the account in, or with another host key, when it listens.

        Parameters
        ----------
        inside
            What stands before the command, such as `Insulation.with_mounts`.
        """
        Path("/run/sshd").mkdir(exist_ok=True)
        path = self._folder / "sshd_config"
        if self._changed:
            lines = path.read_text().splitlines()
            kept = [line for line in lines if line.partition(" ")[0] not in self._changed]
            path = self._folder / "sshd_config.changed"
            path.write_text("\n".join([*kept, *(f"{k} {v}" for k, v in self._changed.items())]) + "\n")
        self._daemons.start("sshd", [*inside, "/usr/sbin/sshd", "-D", "-e", "-f", str(path)])
        shows_another_key = "HostKey" in self._changed
        wait_until(self._listens if shows_another_key else self._lets_in, "sshd answers")

    @contextmanager
    def with_settings(self, **settings: str) -> Iterator[None]:
        """Give keywords of ``sshd_config`` another value, however often sshd starts within the block."""
        before = self._changed
        self.stop()
        try:
            self._changed = {**before, **settings}
            self.start()
            yield
        finally:
            self.stop()
            self._changed = before
            self.start()

    @contextmanager
    def without_keys(self) -> Iterator[None]:
        """Let nobody in for the length of a block; those who are in are thrown out."""
        hidden = self._keys.with_name(f"{self._keys.name}.hidden")
        self._keys.rename(hidden)
        try:
            self.kill_sessions()
            yield
        finally:
            hidden.rename(self._keys)

    def sessions(self) -> list[int]:
        """Return the processes of those who are logged in."""
        pid = self._daemons.pid("sshd")
        return descendants(pid) if pid else []

    def kill_sessions(self) -> None:
        """End all sessions by force, with the commands that run in them; sshd goes on."""
        end(self.sessions())

    def make_key(self, name: str) -> Path:
        """Make a key pair in the folder of keys."""
        path = self._folder / name
        path.unlink(missing_ok=True)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "biomero lab", "-f", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return path

    def stop(self) -> None:
        """End sshd and the sessions, which would outlive it."""
        pid = self._daemons.pid("sshd")
        sessions = descendants(pid) if pid else []
        self._daemons.stop("sshd")
        end(sessions)

    def remove(self) -> None:
        """Remove what lies outside the lab's folder."""
        self._keys.unlink(missing_ok=True)

    def _listens(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                return client.recv(4) == b"SSH-"
        except OSError:
            return False

    def _lets_in(self) -> bool:
        done = subprocess.run(
            ["ssh", "-F", str(self.ssh_config), self.alias, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=self._env,
        )
        return done.returncode == 0
