"""The seam to AsyncSSH: its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncssh

from biomero.adapters.ssh.host_keys import HostKeys
from biomero.adapters.ssh.target import SshTarget
from biomero.errors import (
    AuthenticationFailedError,
    BiomeroError,
    ConfigurationError,
    ConnectionFailedError,
    HostKeyError,
)


@contextmanager
def ssh_errors(target: SshTarget, host_keys: HostKeys | None = None) -> Iterator[None]:
    """Turn AsyncSSH's errors about a host into ours, by class.

    Raises
    ------
    HostKeyError, AuthenticationFailedError, ConfigurationError
        If it would end the same way again.
    ConnectionFailedError
        If not.
    """
    host = target.address
    try:
        yield
    except BiomeroError:
        raise
    except asyncssh.HostKeyNotVerifiable as exc:
        if host_keys is None:
            raise HostKeyError(f"the host key of {host} is refused: {exc.reason}") from exc
        raise host_keys.error(exc.reason) from exc
    except asyncssh.PermissionDenied as exc:
        tried = ", ".join(str(file) for file in target.identity_files if file.exists()) or "none"
        agent = " and an agent" if target.agent_socket else ""
        raise AuthenticationFailedError(
            f"{host} refused to let {target.user} in (keys tried: {tried}{agent})."
            f" Check User and IdentityFile in {target.config_file}, and that the public key is in"
            " ~/.ssh/authorized_keys there"
        ) from exc
    except asyncssh.KeyExchangeFailed as exc:
        raise ConfigurationError(
            f"{host} and we have no algorithm in common: {exc.reason}; see Ciphers, KexAlgorithms, MACs and"
            f" HostKeyAlgorithms in {target.config_file}"
        ) from exc
    except TimeoutError as exc:
        raise ConnectionFailedError(f"{host} did not answer in time") from exc
    except asyncssh.ChannelOpenError as exc:
        raise ConnectionFailedError(f"{host} cannot be reached or refused a session: {exc.reason}") from exc
    except asyncssh.Error as exc:
        raise ConnectionFailedError(f"the connection to {host} failed: {exc.reason}") from exc
    except OSError as exc:
        raise ConnectionFailedError(f"no connection to {host}: {exc.strerror or exc}") from exc
