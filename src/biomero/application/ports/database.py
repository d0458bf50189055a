"""The tables of views, and how they are brought up to date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaState:
    """Which tables there are.

    Parameters
    ----------
    version
        The last step that was done; ``None`` where views have no tables yet, or only those of BIOMERO 2.
    newest
        The last step that this BIOMERO knows.
    missing
        Tables and columns that should be there and are not.
    positions
        How far each view has come.
    """

    version: str | None
    newest: str
    missing: tuple[str, ...]
    positions: Mapping[str, int]

    @property
    def is_newest(self) -> bool:
        """Everything is as this BIOMERO wants it."""
        return self.version == self.newest and not self.missing


class DatabaseSchema(Protocol):
    """The tables of one database; every call raises `RecordError` if it does not do its part."""

    @property
    def address(self) -> str:
        """Where it is, without a password."""
        ...

    def state(self) -> SchemaState:
        """Look, and change nothing."""
        ...

    def upgrade(self) -> None:
        """Do every step that is missing, or none of them.

        Raises
        ------
        SchemaError
            If a newer BIOMERO made the tables.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
