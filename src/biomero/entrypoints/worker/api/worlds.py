"""The services of a worker, by what is asked about."""

from __future__ import annotations

from typing import Protocol

from biomero.application.run_request import RunRequest
from biomero.application.services import Services


class Worlds(Protocol):
    """The services of a worker, with the settings of what is asked about."""

    def now(self) -> Services:
        """Return them as they are for all that is of no single run."""
        ...

    def for_workflow(self, name: str) -> Services:
        """Return them with the settings of a workflow, which may name its cluster."""
        ...

    def for_run(self, request: RunRequest) -> Services:
        """Return them with the settings of a run."""
        ...
