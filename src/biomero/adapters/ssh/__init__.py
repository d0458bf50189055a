"""Adapters for a cluster behind SSH."""

from biomero.adapters.ssh.connection import SshConnection
from biomero.adapters.ssh.shell import SshShell
from biomero.adapters.ssh.transfer import SshTransfer

__all__ = ["SshConnection", "SshShell", "SshTransfer"]
