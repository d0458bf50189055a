"""Host keys: which ones are known, and what to say when one is not."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from biomero.adapters.ssh.target import SshTarget
from biomero.errors import ConfigurationError, HostKeyError


@dataclass(slots=True)
class HostKeys:
    """The known keys of one host; a key that is not among them is refused and remembered for the message."""

    target: SshTarget
    known: asyncssh.SSHKnownHosts
    trusted: tuple[asyncssh.SSHKey, ...]
    has_authority: bool
    """An authority that signs host keys (``@cert-authority``) is known for this host."""
    refused: asyncssh.SSHKey | None = field(default=None)

    @classmethod
    def of(cls, target: SshTarget) -> HostKeys:
        """Read the files of known hosts that the configuration names.

        Raises
        ------
        ConfigurationError
            If one is there and cannot be read.
        """
        known = asyncssh.SSHKnownHosts()
        for file in target.known_hosts_files:
            try:
                text = file.read_text(errors="surrogateescape")
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise ConfigurationError(f"the known hosts {file} cannot be read: {exc}") from exc
            _load(known, text)
        port = None if target.port == asyncssh.DEFAULT_PORT else target.port
        keys, authorities, *_ = asyncssh.match_known_hosts(
            known, target.host_key_alias or target.hostname, "", port
        )
        return cls(target=target, known=known, trusted=tuple(keys), has_authority=bool(authorities))

    def algorithms(self) -> list[str]:
        """Return the kinds of host keys to accept, those first of which a key is known.

        All kinds stay in the list: a host that shows a key of another kind then gets the message about
        keys and not one about algorithms.
        """
        wanted = set(self.target.host_key_algorithms)
        kinds = [name.decode() for name in get_default_public_key_algs()]
        known = [name.decode() for key in self.trusted for name in key.sig_algorithms]
        ordered = [name for name in known if name in kinds] + [name for name in kinds if name not in known]
        plain = [name for name in ordered if not wanted or name in wanted] or ordered
        signed = [name.decode() for name in get_default_certificate_algs()]
        return [*(signed if self.has_authority else ()), *dict.fromkeys(plain)]

    def error(self, reason: str) -> HostKeyError:
        """Return the error to raise, saying what was seen and what to do."""
        target = self.target
        files = " or ".join(str(file) for file in target.known_hosts_files) or "any file of known hosts"
        if self.refused is None:
            return HostKeyError(f"the host key of {target.address} is refused: {reason}")
        shown = f"{self.refused.get_algorithm()} {self.refused.get_fingerprint()}"
        if self.trusted or self.has_authority:
            return HostKeyError(
                f"WARNING: {target.address} shows another host key than the one in {files}. Somebody may"
                f" stand in between (an attack), or the host was set up anew. It now shows {shown}. Nothing"
                " was sent. Ask the administrators of the cluster; if they confirm that key, remove the old"
                f" one with: ssh-keygen -R '{target.known_as}' -f {_user_file(target)}"
            )
        return HostKeyError(
            f"the host key of {target.address} is unknown: {files} has none for {target.known_as}."
            f" It shows {shown}. Compare that with what the administrators of the cluster publish, then add"
            f" it: ssh-keyscan -p {target.port} {target.hostname} >> {_user_file(target)}"
        )


def _load(known: asyncssh.SSHKnownHosts, text: str) -> None:
    """Take every line that is valid; OpenSSH too passes over the others."""
    for line in text.splitlines():
        try:
            known.load(line)
        except ValueError:
            continue


def _user_file(target: SshTarget) -> Path:
    """Return the file that this account may write, for commands in messages."""
    for file in target.known_hosts_files:
        if os.access(file if file.exists() else file.parent, os.W_OK):
            return file
    return Path("~/.ssh/known_hosts")
