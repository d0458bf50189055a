"""A service of a compose file, as options of ``podman run``: what is delivered is what is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from services.omero_py import REPOSITORY


def options_of(
    file: str, service: str, *, variables: Mapping[str, str], mounts: Mapping[str, Path], secrets: Path
) -> list[str]:
    """Return the options.

    Parameters
    ----------
    variables
        Take the place of those in the file.
    mounts
        What stands for the file's sources, by where it is seen inside.
    secrets
        The folder with the files that hold secrets.
    """
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "deploy" / file).read_text())
    described = loaded["services"][service]
    return list(_options(described, variables, mounts, secrets))


def _options(
    service: Mapping[str, Any], variables: Mapping[str, str], mounts: Mapping[str, Path], secrets: Path
) -> Iterator[str]:
    for name, value in {**service["environment"], **variables}.items():
        # left to whoever starts it: these have their own value or none
        if not value.startswith("$"):
            yield f"--env={name}={value}"
    if service["read_only"]:
        yield from ("--read-only", "--read-only-tmpfs=false")
    yield from (f"--cap-drop={name.lower()}" for name in service["cap_drop"])
    # podman's word for it has no ":true"
    yield from (f"--security-opt={option.removesuffix(':true')}" for option in service["security_opt"])
    yield from map(_memory, service["tmpfs"])
    for volume in service["volumes"]:
        place = volume.rpartition("}:")[2] if volume.startswith("$") else volume.partition(":")[2]
        inside, _, mode = place.partition(":")
        yield f"--volume={mounts[inside]}:{place}" if mode else f"--volume={inside}"
    yield from (f"--volume={secrets / name}:/run/secrets/{name}:ro" for name in service["secrets"])


def _memory(described: str) -> str:
    """Return the option for a folder in memory; podman 4 gives it to the account rather than to a number."""
    place, _, settings = described.partition(":")
    words = dict(word.split("=") for word in settings.split(",") if word)
    mode = f",tmpfs-mode={words['mode']}" if words else ""
    return f"--mount=type=tmpfs,destination={place}{mode}{',U=true' if 'uid' in words else ''}"
