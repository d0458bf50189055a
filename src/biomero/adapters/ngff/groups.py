"""Reading the metadata of a Zarr group, whichever version it has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomero.adapters.ngff.formats import V04, V05, Format
from biomero.errors import ImageReadError


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A Zarr group: its attributes of OME, and the other ones.

    Parameters
    ----------
    format
        The version of OME-Zarr that goes with the group's Zarr format.
    """

    path: Path
    format: Format
    ome: dict[str, Any]
    other: dict[str, Any]


def read_group(path: Path) -> Group:
    """Read a group's attributes.

    Raises
    ------
    ImageReadError
        If the folder is no Zarr group or its metadata is damaged; the message names the file.
    """
    if (path / "zarr.json").is_file():
        attributes = _object(_json(path / "zarr.json"), "attributes")
        return Group(path=path, format=V05, ome=_object(attributes, "ome"), other=attributes)
    if (path / ".zgroup").is_file() or (path / ".zattrs").is_file():
        attributes = _json(path / ".zattrs") if (path / ".zattrs").is_file() else {}
        return Group(path=path, format=V04, ome=attributes, other=attributes)
    if not path.exists():
        raise ImageReadError(f"{path} is not there")
    raise ImageReadError(f"{path} is not an OME-Zarr folder: it holds neither zarr.json nor .zgroup")


def inside(folder: Path, name: object) -> Path:
    """Return what the metadata of a folder names in it.

    Raises
    ------
    ImageReadError
        If that lies outside.
    """
    path = folder / str(name)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ImageReadError(f"{folder}: the metadata names {name!r}, which lies outside")
    return path


def _json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as exc:
        raise ImageReadError(f"{path} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise ImageReadError(f"{path} is damaged: it is not JSON ({exc})") from exc
    if not isinstance(document, dict):
        raise ImageReadError(f"{path} is damaged: it holds no JSON object")
    return document


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
