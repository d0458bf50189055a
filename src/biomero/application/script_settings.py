"""What may be chosen about scripts of OMERO; all of it stands in the worker's environment.

Properties of IceGrid come from the master, so that a worker could not choose them for itself. This imports no
library: the processor runs in environments whose packages are not BIOMERO's.
"""

from __future__ import annotations

import fnmatch
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from biomero.errors import ConfigurationError

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY")
FORWARDED = (
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    "PERSISTENCE_MODULE",
    "BIOMERO_*",
    "IMPORTER_ENABLED",
)
"""The variables that scripts see beside OMERO's own; a ``*`` at the end stands for any rest."""
SECRETS = (
    "BIOMERO_OMERO_PASSWORD",
    "BIOMERO_SMTP_PASSWORD",
    "BIOMERO_WEBHOOK_SECRET",
    "BIOMERO_WEBHOOK_URL",
)
"""The engine's own among ``BIOMERO_*``; like the database's, no ``*`` stands for them."""
DATABASE = "SQLALCHEMY_URL"
"""Holds a password. Scripts talk to the engine, and see this only when it is asked for."""
_YES = {"1", "true", "yes", "on"}
_NO = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonRule:
    """Which interpreter runs scripts of a name.

    Parameters
    ----------
    pattern
        Is held against a script's name, and against its path in OMERO, as a shell would.
    """

    pattern: str
    interpreter: str

    def fits(self, path: str) -> bool:
        """Say whether a script is meant."""
        return fnmatch.fnmatchcase(path, self.pattern) or fnmatch.fnmatchcase(
            path.rpartition("/")[2], self.pattern
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptSettings:
    """How scripts run on this worker.

    Parameters
    ----------
    name
        Of this worker. The identity of its server is made from it: two of one name would get one's jobs only.
    variables
        Names of variables that scripts see, see `FORWARDED`.
    pythons
        The first that fits counts; where none does, OMERO's ``omero.launcher.python``, or the server's own.
    time_limit_s, memory_mb, at_once
        For a script with all that it starts; 0 is no limit. A script above `at_once` waits for its turn.
    output_folder
        Takes what scripts print; ``None`` keeps it in OMERO only.
    output_days
        How long it is kept there.
    """

    name: str
    variables: tuple[str, ...] = FORWARDED
    pythons: tuple[PythonRule, ...] = ()
    time_limit_s: int = 0
    memory_mb: int = 0
    at_once: int = 0
    output_folder: Path | None = None
    output_days: int = 30

    def forwarded(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that a script sees.

        >>> ScriptSettings(name="w").forwarded({"no_proxy": "x", "BIOMERO_HOST": "y", "SQLALCHEMY_URL": "z"})
        {'no_proxy': 'x', 'BIOMERO_HOST': 'y'}
        """
        return {name: value for name, value in environment.items() if self._shows(name)}

    def _shows(self, name: str) -> bool:
        if name in self.variables:
            return True
        starts = (wanted[:-1] for wanted in self.variables if wanted.endswith("*"))
        return name not in {*SECRETS, DATABASE} and name.startswith(tuple(starts))

    def interpreter_of(self, script: str) -> str | None:
        """Return the interpreter that was chosen for a script; ``None`` if none was."""
        return next((rule.interpreter for rule in self.pythons if rule.fits(script)), None)


def settings_from(environment: Mapping[str, str]) -> ScriptSettings:
    """Read the settings.

    Raises
    ------
    ConfigurationError
        If a value cannot be meant.
    """
    output = environment.get("BIOMERO_SCRIPT_OUTPUT", "var/log/scripts")
    wanted = environment.get("BIOMERO_SCRIPT_VARIABLES", "").replace(",", " ").split()
    database = (DATABASE,) if _flag(environment, "BIOMERO_SCRIPT_DATABASE") else ()
    return ScriptSettings(
        name=environment.get("BIOMERO_PROCESSOR_NAME")
        or environment.get("OMERO_WORKER_NAME")
        or socket.gethostname(),
        variables=(*FORWARDED, *wanted, *database),
        pythons=_rules(environment.get("BIOMERO_SCRIPT_PYTHONS", "")),
        time_limit_s=_number(environment, "BIOMERO_SCRIPT_TIME_LIMIT_S", 0),
        memory_mb=_number(environment, "BIOMERO_SCRIPT_MEMORY_MB", 0),
        at_once=_number(environment, "BIOMERO_SCRIPTS_AT_ONCE", 0),
        output_folder=Path(output) if output != "none" else None,
        output_days=_number(environment, "BIOMERO_SCRIPT_OUTPUT_DAYS", 30),
    )


def _rules(text: str) -> tuple[PythonRule, ...]:
    """Read ``PATTERN=/path/to/python`` rules with commas between them."""
    rules = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        pattern, equals, interpreter = (piece.strip() for piece in part.partition("="))
        if not pattern or not equals or not interpreter.startswith("/"):
            raise ConfigurationError(
                f"BIOMERO_SCRIPT_PYTHONS: {part!r} is none of PATTERN=/path/to/python, …"
            )
        rules.append(PythonRule(pattern=pattern, interpreter=interpreter))
    return tuple(rules)


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise ConfigurationError(f"{name}: {text!r} is no whole number")
    return int(text)


def _flag(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name, "").strip().lower()
    if text not in _YES | _NO:
        raise ConfigurationError(f"{name}: {text!r} is neither yes nor no")
    return text in _YES
