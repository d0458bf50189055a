"""Settings for a process that lives long: files may change, and be wrong for a while."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from biomero.adapters.config.load import load_settings
from biomero.adapters.config.places import FILES, config_paths
from biomero.adapters.config.secrets import secret_files
from biomero.application.settings import Settings
from biomero.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
_Identity = tuple[int, int, int, int] | None


class ConfigurationWatch:
    """Gives the settings as they are now, and the last good ones while a file is wrong.

    Any thread may ask. Files are looked at when somebody asks, and read when one has changed, come or gone.

    Parameters
    ----------
    load
        Makes settings of the file.

    Raises
    ------
    ConfigurationError
        If the settings are wrong at the start, when there are no good ones yet.
    """

    def __init__(
        self,
        file: Path | None = None,
        *,
        environment: Mapping[str, str] = os.environ,
        files: Sequence[Path] = FILES,
        load: Callable[[], Settings] | None = None,
    ) -> None:
        self._paths = config_paths(file, environment=environment, files=files)
        self._load = load or (lambda: load_settings(file, environment=environment, files=files))
        self._environment = environment
        self._lock = threading.Lock()
        self._secrets = secret_files(self._paths, environment)
        self._seen = self._good = self._identities()
        self._settings = self._load()
        self._problem: str | None = None

    def current(self) -> Settings:
        """Return the settings as they are now, or the last good ones."""
        with self._lock:
            self._look()
            return self._settings

    def problem(self) -> str | None:
        """Return why the files cannot be used as they are now; ``None`` while all is well."""
        with self._lock:
            self._look()
            return self._problem

    def _look(self) -> None:
        identities = self._identities()
        if identities == self._seen:
            return
        emptied = [p for p in self._paths if _size(self._good.get(p)) and _size(identities[p]) == 0]
        # Noted before reading: a change that comes meanwhile is seen the next time.
        self._secrets = secret_files(self._paths, self._environment)
        self._seen = self._identities()
        if emptied:  # as editors leave it for a moment, or a disk that was full
            self._problem = f"{emptied[0]} is empty; what it held stays until it has text, or is removed"
            _LOG.error("the configuration is not taken over: %s", self._problem)
            return
        try:
            settings = self._load()
        except ConfigurationError as exc:
            self._problem = str(exc)
            _LOG.error("the configuration is not taken over, the one before stays: %s", exc)
            return
        if settings != self._settings or self._problem is not None:
            _LOG.info("the configuration has changed; new runs have it")
        self._settings, self._problem, self._good = settings, None, self._seen

    def _identities(self) -> dict[Path, _Identity]:
        """Say what each file is now, those that hold secrets included."""
        return {path: _identity(path) for path in (*self._paths, *self._secrets)}


def _size(identity: _Identity) -> int | None:
    return None if identity is None else identity[2]


def _identity(path: Path) -> _Identity:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
