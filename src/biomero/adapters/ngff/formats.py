"""The versions of OME-Zarr that we read and write, each behind the same three names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomero.adapters.ngff.layout import Level
from biomero.adapters.ngff.v04 import array as array_04
from biomero.adapters.ngff.v04 import group as group_04
from biomero.adapters.ngff.v05 import array as array_05
from biomero.adapters.ngff.v05 import group as group_05


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A version of OME-Zarr: tensorstore's driver, how an array is laid out, how a group is written."""

    version: str
    driver: str
    array_spec: Callable[[Path, Level, str], dict[str, Any]]
    write_group: Callable[[Path, dict[str, Any], dict[str, Any]], None]


V04 = Format(
    version=group_04.VERSION,
    driver=array_04.DRIVER,
    array_spec=array_04.array_spec,
    write_group=group_04.write_group,
)
V05 = Format(
    version=group_05.VERSION,
    driver=array_05.DRIVER,
    array_spec=array_05.array_spec,
    write_group=group_05.write_group,
)
FORMATS: Mapping[str, Format] = {V04.version: V04, V05.version: V05}
