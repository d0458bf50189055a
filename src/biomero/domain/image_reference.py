"""Names of container images, and the names of the files that hold them on a cluster."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from biomero.errors import ContainerImageError

_REGISTRY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Libraries allow capital letters, and have an owner and a collection before the name.
_LIBRARY = re.compile(r"[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)*")
_PATHS = {"docker": _REPOSITORY, "oras": _REPOSITORY, "library": _LIBRARY}
_DEFAULT_BRANCHES = ("master", "main")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """The parts of an image's name, such as ``ghcr.io/org/name:1.2``.

    Parameters
    ----------
    registry
        Host and port; ``None`` for Docker Hub.
    repository
        All parts of the path, such as ``org/name``.
    """

    transport: str = "docker"
    registry: str | None = None
    repository: str
    tag: str | None = None
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name as ``docker pull`` would, or an address: ``docker://``, ``oras://`` or ``library://``.

        Raises
        ------
        ContainerImageError
            If it is no such name.

        Examples
        --------
        >>> ImageReference.parse("localhost:5000/a/b:1.2").registry
        'localhost:5000'
        """
        transport, mark, rest = text.partition("://")
        if not mark:
            transport, rest = "docker", text
        rest, at, digest = rest.partition("@")
        registry, slash, path = rest.partition("/")
        if not (slash and (registry == "localhost" or "." in registry or ":" in registry)):
            registry, path = "", rest
        repository, colon, tag = path.partition(":")
        is_name = (
            transport in _PATHS
            and (not registry or _REGISTRY.fullmatch(registry))
            and _PATHS[transport].fullmatch(repository)
            and (not colon or _TAG.fullmatch(tag))
            and (not at or _DIGEST.fullmatch(digest))
        )
        if not is_name:
            hint = "; its path must be in lower case" if _is_upper(transport, repository) else ""
            raise ContainerImageError(
                f"not the name of a container image: {text!r}{hint}; "
                "expected something like ghcr.io/org/name:1.2"
            )
        return cls(
            transport=transport,
            registry=registry or None,
            repository=repository,
            tag=tag or None,
            digest=digest or None,
        )

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.repository.rpartition("/")[2]

    def at(self, version: str | None) -> Self:
        """Return the reference with a tag, taken from the workflow's version where the name has none.

        The default branches of a code host stand for ``latest``.
        """
        if self.tag or self.digest:
            return self
        usable = version and version not in _DEFAULT_BRANCHES and _TAG.fullmatch(version)
        return type(self)(
            transport=self.transport,
            registry=self.registry,
            repository=self.repository,
            tag=version if usable else "latest",
        )

    @property
    def address(self) -> str:
        """What a container runtime is told to pull; a digest stands alone, since tools refuse both."""
        place = f"{self.registry}/{self.repository}" if self.registry else self.repository
        suffix = f"@{self.digest}" if self.digest else f":{self.tag}" if self.tag else ""
        return f"{self.transport}://{place}{suffix}"

    @property
    def file_names(self) -> tuple[str, str]:
        """Where the image is kept: the plain name, and the one for when another image has taken that."""
        return self.file_names_as(self.name)

    @property
    def version(self) -> str:
        """What files and lists call it: the tag, or the beginning of the digest."""
        return self.digest.replace(":", "-")[:19] if self.digest else self.tag or "latest"

    def file_names_as(self, name: str) -> tuple[str, str]:
        """Return `file_names` under another name, such as ``convert_zarr_to_tiff``."""
        plain = f"{name}_{self.version}"
        return f"{plain}.sif", f"{plain}_{hashlib.sha256(self.address.encode()).hexdigest()[:8]}.sif"


def _is_upper(transport: str, repository: str) -> bool:
    return _PATHS.get(transport) is not _LIBRARY and repository != repository.lower()
