"""Where OMERO is, as [OMERO] says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from biomero.adapters.config.keys import setting
from biomero.adapters.config.layers import Found
from biomero.adapters.config.sections import read
from biomero.application.settings import OmeroSettings


def omero_settings(values: Mapping[tuple[str, str], Found]) -> OmeroSettings | None:
    """Return the settings of [OMERO]; ``None`` where no host is named."""

    def value(key: str) -> object:
        return read(setting("OMERO", key), values.get(("OMERO", key)))

    def text(key: str) -> str:
        found = value(key)
        return found if isinstance(found, str) else ""

    if not text("host"):
        return None
    port, streams, repository = value("port"), value("streams"), value("repository")
    in_place = value("in_place")
    assert isinstance(port, int)  # noqa: S101 - it has a default
    assert isinstance(streams, int)  # noqa: S101 - likewise
    return OmeroSettings(
        host=text("host"),
        port=port,
        user=text("user"),
        password=text("password"),
        is_sudo=value("sudo") is True,
        is_encrypted=value("encrypted") is True,
        repository=repository if isinstance(repository, Path) else None,
        in_place=in_place if isinstance(in_place, tuple) else (),
        streams=streams,
        web_url=text("web_url") or None,
    )
