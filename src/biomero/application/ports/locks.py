"""Who drives a run."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from biomero.domain.ids import RunId


class RunLocks(Protocol):
    """Keeps two processes from driving one run."""

    def hold(self, run_id: RunId) -> AbstractContextManager[bool]:
        """Try to be the one who drives a run; the value says whether it worked.

        The lock ends with the ``with`` block, or with the process, however that ends.
        """
        ...
