"""A real registry of container images on loopback, and images made for it by hand."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.debian import PackageSource, release_of_this_machine

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running registry: its ``host:port``, and where it writes what it was asked for."""

    address: str
    log: Path

    def pulls(self) -> int:
        """Return how often a layer was fetched."""
        lines = self.log.read_text().splitlines()
        return sum('"GET /v2/' in line and "/blobs/" in line and '" 200 ' in line for line in lines)

    def sent(self) -> int:
        """Return how many bytes of layers went out."""
        sizes = re.findall(r'"GET /v2/[^"]*/blobs/[^"]*" 200 (\d+)', self.log.read_text())
        return sum(map(int, sizes))

    def push(self, name: str, tag: str, layer: bytes, settings: Mapping[str, object]) -> str:
        """Put an image of one layer there; return the digest of its manifest.

        Parameters
        ----------
        settings
            ``Entrypoint``, ``Cmd``, ``WorkingDir``, ``Env`` as in the OCI image configuration.
        """
        config = json.dumps(
            {
                "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
                "os": "linux",
                "config": dict(settings),
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": _MANIFEST,
                "config": {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)},
                "layers": [{"mediaType": _LAYER, "digest": _digest(layer), "size": len(layer)}],
            }
        ).encode()
        with httpx.Client(base_url=f"http://{self.address}/v2/{name}/", trust_env=False) as registry:
            for blob in (config, layer):
                place = registry.post("blobs/uploads/").raise_for_status().headers["location"]
                address = httpx.URL(place).copy_merge_params({"digest": _digest(blob)})
                registry.put(address, content=blob).raise_for_status()
            registry.put(
                f"manifests/{tag}", content=manifest, headers={"Content-Type": _MANIFEST}
            ).raise_for_status()
        return _digest(manifest)


def layer_of(folder: Path) -> bytes:
    """Return a folder's content as a layer."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, arcname=".")
    return packed.getvalue()


def ensure_registry_program(folder: Path) -> Path:
    """Return the path of Debian's ``docker-registry``, unpacked below a folder once."""
    program = folder / "usr/bin/docker-registry"
    if not program.exists():
        with PackageSource(folder / "packages", release=release_of_this_machine()) as debian:
            debian.unpack(("docker-registry",), folder)
    return program


@contextmanager
def registry(program: Path, folder: Path) -> Iterator[Registry]:
    """Run a registry on a free port of loopback until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    settings = folder / "registry.json"
    settings.write_text(
        json.dumps(
            {
                "version": "0.1",
                "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
                "http": {"addr": address, "secret": "only for tests on loopback"},
            }
        )
    )
    log = folder / "registry.log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "serve", settings], stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_for(address, process, log)
            yield Registry(address=address, log=log)
        finally:
            process.terminate()
            process.wait(timeout=10)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                if client.get(f"http://{address}/v2/").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise TimeoutError(f"the registry did not answer: {log.read_text()[-2000:]}")


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
