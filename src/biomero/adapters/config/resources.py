"""Resources in the spelling of ``sbatch``, as facilities and users write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from biomero.domain.job import JobResources
from biomero.errors import ConfigurationError

_MEMORY = re.compile(r"(?P<number>[0-9]{1,12})(?P<unit>[KMGT]?)B?", re.IGNORECASE)
_TIME = re.compile(
    r"(?:(?P<days>[0-9]{1,9})-)?(?P<first>[0-9]{1,9})(?::(?P<second>[0-9]{1,9}))?(?::(?P<third>[0-9]{1,9}))?"
)
_NO_LIMIT = frozenset({"UNLIMITED", "INFINITE"})
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
_PLAIN = {
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "gres": "gres",
    "gpus": "gpus",
    "constraint": "constraint",
    "exclude": "exclude",
    "mail-user": "mail_user",
    "mail-type": "mail_type",
    "comment": "comment",
}
_FIXED = frozenset(
    {
        *("job-name", "parsable", "array", "output", "error", "chdir", "wrap", "open-mode", "export"),
        # a job elsewhere, or none, would never be found again; waiting for its end would break off after 60 s
        *("clusters", "test-only", "wait"),
    }
)


def resources_from(flags: Mapping[str, str], *, where: str) -> JobResources:
    """Turn ``sbatch``'s long options into resources.

    Parameters
    ----------
    flags
        Values by option name, without dashes at the front; ``_`` and ``-`` are the same.
    where
        What to call the options in a message, such as ``[SLURM] sbatch_``.

    Raises
    ------
    ConfigurationError
        If a value is not what ``sbatch`` takes, or the option is one that BIOMERO sets itself.
    """
    known: dict[str, str | int] = {}
    extra: dict[str, str] = {}
    for written, value in flags.items():
        name = written.replace("_", "-").lower()
        if not _OPTION.fullmatch(name):
            raise ConfigurationError(f"{where}{written}: no option of sbatch is called --{name}")
        if is_set_by_biomero(name):
            raise ConfigurationError(f"{where}{written}: BIOMERO sets --{name} itself")
        if name in _PLAIN:
            known[_PLAIN[name]] = value
        elif name == "cpus-per-task":
            known["cpus"] = _number(value, f"{where}{written}")
        elif name == "mem":
            known["memory_mb"] = memory_mb(value, where=f"{where}{written}")
        elif name == "time" and value.strip().upper() in _NO_LIMIT:
            extra[name] = value.strip().upper()
        elif name == "time":
            known["time_limit_min"] = minutes(value, where=f"{where}{written}")
        else:
            extra[name] = value
    return JobResources(**known, extra=extra)  # type: ignore[arg-type] # names and types by the table above


def is_set_by_biomero(name: str) -> bool:
    """Say whether an option, or its abbreviation, is not for others to set."""
    # sbatch takes abbreviations
    return bool(name) and name not in _PLAIN and any(option.startswith(name) for option in _FIXED)


def takes_value(name: str) -> bool:
    """Say whether an option is one of those that we know to need a value."""
    return name in _PLAIN or name in {"cpus-per-task", "mem", "time"}


def _number(text: str, where: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise ConfigurationError(f"{where}: a whole number from 1 on is wanted, not {text!r}")
    return int(text)


def memory_mb(text: str, *, where: str) -> int:
    """Return memory in MiB; a number without unit counts in MiB, as for ``sbatch``; 0 is all of a node's.

    >>> memory_mb("4G", where="--mem")
    4096

    Raises
    ------
    ConfigurationError
        If the text is no amount of memory.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(f"{where}: an amount of memory is wanted, such as 4G or 500M, not {text!r}")
    kib = (
        int(match["number"])
        * {"K": 1, "M": 1024, "": 1024, "G": 1024**2, "T": 1024**3}[match["unit"].upper()]
    )
    return -(-kib // 1024)


def minutes(text: str, *, where: str) -> int:
    """Return a time limit in minutes, rounded up, from any of ``sbatch``'s spellings.

    >>> [minutes(t, where="--time") for t in ("90", "0:30", "1:30:00", "2-0", "1-12:30")]
    [90, 1, 90, 2880, 2190]

    Raises
    ------
    ConfigurationError
        If the text is no time limit.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ConfigurationError(
            f"{where}: a time limit is wanted, such as 45 (minutes) or 4:00:00, not {text!r}"
        )
    days, first = int(match["days"] or 0), int(match["first"])
    second, third = int(match["second"] or 0), int(match["third"] or 0)
    if match["days"] is not None:  # days-hours[:minutes[:seconds]]
        seconds = days * 86400 + first * 3600 + second * 60 + third
    elif match["third"] is not None:
        seconds = first * 3600 + second * 60 + third
    else:  # minutes[:seconds]
        seconds = first * 60 + second
    if seconds <= 0:
        raise ConfigurationError(f"{where}: a time limit is more than nothing")
    return -(-seconds // 60)
