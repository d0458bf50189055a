"""Another host on this machine: a network namespace, a cable to it, and an address that is out of reach."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.packages import ensure_packages as ensure

PACKAGES = ("iproute2",)


def ensure_packages() -> None:
    """Install what makes one."""
    ensure(PACKAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host.

    Parameters
    ----------
    ours
        The address of this machine in the network that both share.
    address
        The host's address there.
    elsewhere
        Its address in another network, of which this machine knows nothing.
    """

    namespace: Path
    ours: str
    address: str
    elsewhere: str


@contextmanager
def another_host() -> Iterator[Host]:
    """Have one; it goes with the block, and so does the cable."""
    ensure_packages()
    mark = secrets.token_hex(4)
    name, cable, far = f"biomero-{mark}", f"bio{mark}", f"bif{mark}"
    # 198.18.0.0/15 is for tests of networks (RFC 2544)
    net = f"198.18.{secrets.randbelow(250) + 1}"
    host = Host(
        namespace=Path("/run/netns", name), ours=f"{net}.1", address=f"{net}.2", elsewhere="198.19.1.2"
    )
    _ip("netns", "add", name)
    try:
        _ip("link", "add", cable, "type", "veth", "peer", "name", far, "netns", name)
        _ip("address", "add", f"{host.ours}/24", "dev", cable)
        _ip("link", "set", cable, "up")
        inside = ("-n", name)
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "address", "add", f"{host.address}/24", "dev", far)
        _ip(*inside, "link", "set", far, "up")
        _ip(*inside, "link", "add", "other", "type", "veth", "peer", "name", "nowhere")
        _ip(*inside, "address", "add", f"{host.elsewhere}/24", "dev", "other")
        _ip(*inside, "link", "set", "other", "up")
        # nobody has that next address: what is sent is lost, as between networks of containers
        _ip("route", "add", f"{host.elsewhere}/32", "via", f"{net}.9")
        yield host
    finally:
        _ip("link", "del", cable, must=False)
        _ip("netns", "del", name)


def _ip(*words: str, must: bool = True) -> None:
    done = subprocess.run(("ip", *words), capture_output=True, text=True, check=False)
    if must and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr}")
