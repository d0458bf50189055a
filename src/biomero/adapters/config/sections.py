"""Values of one section as Python has them, with what they fall back to."""

from __future__ import annotations

from collections.abc import Mapping

from biomero.adapters.config.check_values import read_value
from biomero.adapters.config.flags import Option
from biomero.adapters.config.keys import CLUSTER, Setting, setting
from biomero.adapters.config.layers import Found

_OPTION = "sbatch_"


class ClusterSection:
    """What is said of a cluster: its own section, and [SSH] and [SLURM] below it.

    A value that is wrong counts as not said; `check_values` tells of it.
    """

    def __init__(self, values: Mapping[tuple[str, str], Found], name: str | None = None) -> None:
        self._values = values
        self._own = None if name is None else f"{CLUSTER}{name}"

    def found(self, key: str) -> Found | None:
        """Return the value that counts, and where it stands."""
        own = self.own(key)
        return own or self._values.get(("SLURM", key))

    def own(self, key: str) -> Found | None:
        """Return what the cluster's own section says."""
        return None if self._own is None else self._values.get((self._own, key))

    @property
    def host(self) -> str | None:
        """The alias of the login node."""
        found = self.own("host") or self._values.get(("SSH", "host"))
        value = read(setting("SSH", "host"), found)
        return value if isinstance(value, str) else None

    @property
    def is_default(self) -> bool:
        """It says of itself that runs go there."""
        return read(setting(CLUSTER, "default"), self.own("default")) is True

    def text(self, key: str) -> str | None:
        """Return text; the key's default where nothing is said."""
        value = self._value(key)
        return value if isinstance(value, str) else None

    def words(self, key: str) -> tuple[str, ...]:
        """Return several texts."""
        value = self._value(key)
        if isinstance(value, str):
            return tuple(value.split())
        return value if isinstance(value, tuple) else ()

    def number(self, key: str) -> int | None:
        """Return a whole number; memory comes in MiB, and times in minutes."""
        value = self._value(key)
        return value if isinstance(value, int) else None

    def decimal(self, key: str) -> float | None:
        """Return a number that may have decimals."""
        value = self._value(key)
        return value if isinstance(value, float) else None

    def flag(self, key: str) -> bool:
        """Return a truth value."""
        return self._value(key) is True

    def options(self) -> dict[str, Option]:
        """Return the options of ``sbatch`` for all jobs."""
        sections = ["SLURM"] if self._own is None else ["SLURM", self._own]
        return {
            key.removeprefix(_OPTION).replace("_", "-"): Option(section=section, key=key, found=found)
            for section in sections
            for (where, key), found in self._values.items()
            if where == section and key.startswith(_OPTION) and key != _OPTION
        }

    def _value(self, key: str) -> object:
        return read(setting("SLURM", key), self.found(key))


def read(known: Setting, found: Found | None) -> object:
    """Return a value, or its key's default where nothing or something wrong is said."""
    try:
        value = None if found is None else read_value(known, found)
    except ValueError:
        value = None
    if value is None and known.default is not None:
        return known.kind.read(known.default)
    return value
