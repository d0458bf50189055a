"""Documented calls around the files of settings, for programs that show or edit them."""

from __future__ import annotations

import configparser
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from biomero.adapters.config import authoritative_path, config_paths, write_path

_BOOLEANS = {
    **dict.fromkeys(("true", "1", "yes", "y", "on"), True),
    **dict.fromkeys(("false", "0", "no", "n", "off"), False),
}


class ConfigurationCalls:
    """Which files are read, in which order, and which one is written."""

    _DEFAULT_CONFIG_PATH_1 = "/etc/slurm-config.ini"
    _DEFAULT_CONFIG_PATH_2 = "/OMERO/slurm-config.ini"
    _DEFAULT_CONFIG_PATH_3 = "~/slurm-config.ini"

    @classmethod
    def get_authoritative_config_path(cls) -> str | None:
        """Return the one file that is read and written, where the environment names one."""
        only = authoritative_path()
        return None if only is None else str(only)

    @classmethod
    def get_config_paths(cls, configfile: str = "") -> list[str]:
        """Return the files that are read, in this order; a later one overrides an earlier one."""
        return [str(path) for path in config_paths(Path(configfile) if configfile else None)]

    @classmethod
    def get_config_write_path(cls) -> str:
        """Return the file that changes are written to."""
        return str(write_path())

    @classmethod
    def load_config(cls, configfile: str = "") -> configparser.RawConfigParser:
        """Return what the files say together, as it is written; ``%`` is plain text.

        Raises
        ------
        configparser.Error
            If a file is not one of settings.
        """
        configs = configparser.RawConfigParser(allow_no_value=True)
        configs.read(cls.get_config_paths(configfile), encoding="utf-8")
        return configs

    @staticmethod
    def _get_config_value(
        configs: configparser.RawConfigParser,
        section: str,
        option: str,
        default: Any,  # noqa: ANN401 - of the type that is asked for
        env_vars: str | Sequence[str] | None = None,
        value_type: Callable[[str], Any] = str,
        empty_is_none: bool = False,
    ) -> Any:  # noqa: ANN401 - of the type that is asked for
        """Return one value: of the environment, else of the files, else the default."""
        names = [env_vars] if isinstance(env_vars, str) else list(env_vars or ())
        said = next((os.environ[name] for name in names if os.environ.get(name)), None)
        value = said if said is not None else configs.get(section, option, fallback=None)
        if value is None:
            return default
        if not value.strip():
            return None if empty_is_none else default if value_type is not str else value
        if value_type is bool:
            return _BOOLEANS.get(value.strip().lower(), default)
        return value_type(value)
