"""Use case: have our scripts where OMERO looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from biomero.application.ports.omero_scripts import OfficialScripts
from biomero.errors import ConfigurationError

FOLDER = "biomero"
"""Below OMERO's ``lib/scripts``."""


def copy_scripts(scripts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write scripts into a folder, and return those that were not like that before.

    Other files there stay. Each script is whole at any time: OMERO may read it meanwhile.

    Raises
    ------
    ConfigurationError
        If there is no such folder, or it cannot be written.
    """
    target = folder if folder.name == FOLDER else folder / FOLDER
    changed = []
    try:
        if not target.parent.is_dir():
            raise ConfigurationError(f"{target.parent}: there is no such folder; name OMERO's lib/scripts")
        target.mkdir(exist_ok=True)
        for name, text in scripts.items():
            file = target / name
            if file.is_file() and file.read_text() == text:
                continue
            draft = file.with_name(f".{name}.part")
            draft.write_text(text)
            draft.chmod(0o644)
            draft.replace(file)
            changed.append(file)
    except OSError as exc:
        raise ConfigurationError(f"{target}: {exc.strerror or exc}") from exc
    return changed


def upload_scripts(scripts: Mapping[str, str], server: OfficialScripts) -> list[str]:
    """Put scripts onto a server, and return those that were not like that before; raises as `put` does."""
    return [name for name, text in scripts.items() if server.put(f"/{FOLDER}/{name}", text)]
