"""Files of container images on a cluster: which image and which version each holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SUFFIXES = (".sif", ".simg")
"""What names of image files end with; the second is from before Singularity 3."""

_PIECES = re.compile(r"\d+|[^\d]+")
_VERSION = r"(?:v?\d[^/]*|latest|sha256-[0-9a-f]+)"
_SECOND_NAME = re.compile(r"(?P<version>.+)_[0-9a-f]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageVersion:
    """The image and the version that a file's name tells."""

    name: str
    version: str


def read_file_name(file: str, *, image: str | None = None) -> ImageVersion | None:
    """Read the name of an image's file; ``None`` if it is another image, or tells no version.

    Parameters
    ----------
    image
        The last part of the image's name, where it is known. What follows it is the version, whatever that
        looks like. Otherwise a version is what looks like one: ``latest``, ``v…``, digits, a digest.

    Examples
    --------
    >>> read_file_name("t_vessel-seg_v1.0.0.sif", image="t_vessel-seg").version
    'v1.0.0'
    >>> read_file_name("t_vessel-seg_v1.0.0.sif").name
    't_vessel-seg'
    """
    stem = next((file.removesuffix(suffix) for suffix in SUFFIXES if file.endswith(suffix)), None)
    if stem is None or stem.startswith("."):
        return None
    if image is None:
        found = _last_version(stem)
        return found and ImageVersion(name=found["name"], version=_plain(found["version"]))
    rest = stem[len(image) + 1 :]
    if not stem.startswith((f"{image}_", f"{image}-")) or not rest:
        return None
    return ImageVersion(name=image, version=_plain(rest))


def _last_version(stem: str) -> re.Match[str] | None:
    """Split at the last place behind which everything looks like a version."""
    for position in range(len(stem) - 1, 0, -1):
        if stem[position] in "_-" and re.fullmatch(_VERSION, stem[position + 1 :]):
            before = stem[:position]
            # A suffix that was added for the sake of a free name is no version of its own.
            if _SECOND_NAME.fullmatch(f"x{stem[position:]}") and (outer := _last_version(before)):
                return outer
            return re.fullmatch(rf"(?P<name>.{{{position}}})[_-](?P<version>.+)", stem, re.DOTALL)
    return None


def _plain(version: str) -> str:
    """Leave out what was added because the plain name was taken."""
    found = _SECOND_NAME.fullmatch(version)
    return found["version"] if found else version


def newest_first(versions: Iterable[str]) -> list[str]:
    """Sort versions, each once: by their numbers, newest first; ``latest`` and other words come last.

    >>> newest_first(["v1.9", "latest", "v1.10", "v1.9"])
    ['v1.10', 'v1.9', 'latest']
    """
    return sorted(set(versions), key=_order, reverse=True)


def _order(version: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    plain = version.removeprefix("v")
    pieces = [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in _PIECES.findall(plain)]
    return plain[:1].isdecimal(), pieces
