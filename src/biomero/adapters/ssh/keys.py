"""The keys with which an account shows who it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncssh

from biomero.adapters.ssh.target import SshTarget
from biomero.errors import AuthenticationFailedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys to offer, and the agent that signs for some of them until `close`."""

    pairs: tuple[asyncssh.SSHKeyPair, ...]
    agent: asyncssh.SSHAgentClient | None

    def close(self) -> None:
        """Leave the agent."""
        if self.agent is not None:
            self.agent.close()


async def load_keys(target: SshTarget) -> Keys:
    """Return the keys to offer: those of the configured files with their certificates, then the agent's.

    Raises
    ------
    AuthenticationFailedError
        If there is none at all; the host was then not even asked.
    """
    keys: list[asyncssh.SSHKeyPair] = []
    problems: list[str] = []
    certificates = [str(file) for file in target.certificate_files if file.is_file()]
    for file in target.identity_files:
        if not file.is_file():
            problems.append(f"{file} is not there")
            continue
        try:
            keys.extend(asyncssh.load_keypairs([str(file)], certlist=certificates))
        except (ValueError, OSError) as exc:
            problems.append(f"{file}: {exc} (a key with a passphrase belongs in an agent: ssh-add)")
    agent = await _agent(target, problems)
    if agent is not None:
        keys.extend(await _agent_keys(agent, target, problems))
    if not keys and not target.gssapi:
        raise AuthenticationFailedError(
            f"there is no key to log in to {target.address} with: {'; '.join(problems) or 'no IdentityFile'}."
            f" See IdentityFile in {target.config_file}"
        )
    return Keys(pairs=tuple(keys), agent=agent)


async def _agent(target: SshTarget, problems: list[str]) -> asyncssh.SSHAgentClient | None:
    if not target.agent_socket:
        return None
    try:
        return await asyncssh.connect_agent(target.agent_socket)
    except OSError as exc:
        problems.append(f"the agent at {target.agent_socket} does not answer: {exc}")
        return None


async def _agent_keys(
    agent: asyncssh.SSHAgentClient, target: SshTarget, problems: list[str]
) -> Sequence[asyncssh.SSHKeyPair]:
    try:
        keys = await agent.get_keys()
    except (OSError, ValueError) as exc:
        problems.append(f"the agent at {target.agent_socket} gives no keys: {exc}")
        return []
    if not target.identities_only:
        return keys
    wanted = _configured_identities(target)
    return [key for key in keys if key.public_data in wanted]


def _configured_identities(target: SshTarget) -> set[bytes]:
    """Return the public halves of the configured files; ``IdentitiesOnly`` lets no other key pass."""
    wanted: set[bytes] = set()
    for file in target.identity_files:
        for name in (file, file.with_name(file.name + ".pub")):
            try:
                wanted.add(asyncssh.read_public_key(name).public_data)
            except (OSError, ValueError):
                continue
    return wanted
