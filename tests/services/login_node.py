"""The login node of a Slurm cluster: a real sshd on loopback, with keys and a client's configuration."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from services import slurm_config as files
from services.processes import Daemons, descendants, end, wait_until


class LoginNode:
    """An sshd that lets one account in, by key.

    Attributes
    ----------
    ssh_config
        A client's configuration, in which `alias` is this node.
    """

    def __init__(self, folder: Path, daemons: Daemons, *, user: str, home: Path, env: dict[str, str]) -> None:
        self.alias = "lab"
        self.ssh_config = folder / "ssh" / "config"
        self._folder = folder / "ssh"
        self._daemons = daemons
        self._user = user
        self._env = env
        # In the home folder, as sshd refuses keys below a folder that everybody may write to; labs share it.
        self._keys = home / ".ssh" / f"keys{str(folder).replace('/', '-')}"

    def prepare(self, lab: files.LabLayout, *, port: int) -> None:
        """Make keys and configurations."""
        settings = files.sshd_config(lab, port=port, user=self._user, keys=str(self._keys))
        (self._folder / "sshd_config").write_text(settings)
        self.ssh_config.write_text(files.ssh_config(lab, alias=self.alias, port=port, user=self._user))
        for key in ("host_ed25519", "id_ed25519"):
            path = str(self._folder / key)
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "biomero lab", "-f", path],
                check=True,
                stdin=subprocess.DEVNULL,
            )
        host_key = " ".join((self._folder / "host_ed25519.pub").read_text().split()[:2])
        (self._folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        self._keys.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(self._folder / "id_ed25519.pub", self._keys)
        self._keys.chmod(0o644)

    def start(self) -> None:
        """Start sshd; return when it lets the account in."""
        Path("/run/sshd").mkdir(exist_ok=True)
        settings = str(self._folder / "sshd_config")
        self._daemons.start("sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", settings])
        wait_until(self._lets_in, "sshd answers")

    def stop(self) -> None:
        """End sshd and the sessions, which would outlive it."""
        pid = self._daemons.pid("sshd")
        sessions = descendants(pid) if pid else []
        self._daemons.stop("sshd")
        end(sessions)

    def remove(self) -> None:
        """Remove what lies outside the lab's folder."""
        self._keys.unlink(missing_ok=True)

    def _lets_in(self) -> bool:
        done = subprocess.run(
            ["ssh", "-F", str(self.ssh_config), self.alias, "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=self._env,
        )
        return done.returncode == 0
