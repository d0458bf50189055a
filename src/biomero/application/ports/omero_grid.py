"""What this worker can learn about the OMERO.grid that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptServer:
    """A server of the grid that runs scripts (a *Processor*).

    Parameters
    ----------
    node
        Where it belongs.
    is_active
        It runs now.
    """

    name: str
    node: str
    is_active: bool


class OmeroGridProbe(Protocol):
    """Looks at the grid; changes nothing that stays."""

    @property
    def name(self) -> str:
        """Where the registry is."""
        ...

    @property
    def node(self) -> str:
        """The name of this worker's node; empty if it is not known."""
        ...

    def nodes(self) -> Sequence[str]:
        """Return the names of the nodes that are there.

        Raises
        ------
        OmeroUnavailableError
            If the registry does not answer.
        """
        ...

    def script_servers(self) -> Sequence[ScriptServer]:
        """Return the servers for scripts that the grid is to have.

        Raises
        ------
        OmeroUnavailableError
            If the registry does not answer.
        """
        ...

    def run_script(self, text: str, *, timeout_s: float) -> str:
        """Run a script as OMERO's users do, and return what it printed; it is removed afterwards.

        Raises
        ------
        OmeroUnavailableError
            If OMERO does not answer.
        OmeroScriptError
            If the script was not run, failed, or did not end in time.
        """
        ...
