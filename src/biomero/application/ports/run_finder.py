"""Finds runs by who asked for them, by how their ids begin, and by their jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from biomero.domain.ids import RunId


class RunFinder(Protocol):
    """Looks at all runs on record, also at those that other processes have just recorded.

    A question costs what its answer is long, however many runs others have. Every call raises `RecordError`
    if the database does not do its part.
    """

    def newest(
        self,
        user: int | None,
        *,
        requested_by: str | None = None,
        name: str | None = None,
        most: int,
        skip: int = 0,
    ) -> Sequence[RunId]:
        """Return the newest runs, newest first.

        Parameters
        ----------
        user
            Whose they are, by the id at OMERO; ``None`` for everybody's.
        requested_by
            Only those that were asked for under this name.
        name
            Only those that are called so.
        skip
            How many of the newest are left out.
        """
        ...

    def beginning(self, text: str, user: int | None, *, most: int) -> Sequence[RunId]:
        """Return runs whose ids begin with a text, newest first; none for a text that no id begins with."""
        ...

    def with_job(self, job_id: int, user: int | None, *, most: int, skip: int = 0) -> Sequence[RunId]:
        """Return runs that had a job of this number, newest first, as `newest` counts them.

        They can be several: each cluster counts its own jobs, and begins anew when it is set up anew.
        """
        ...
