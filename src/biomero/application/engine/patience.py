"""How long, and how often, the engine tries before it asks for a person."""

from __future__ import annotations

import random
from dataclasses import dataclass

from biomero.errors import BiomeroError, ConnectionFailedError, RemoteTimeoutError, SchedulerUnavailableError

_AWAY = (ConnectionFailedError, RemoteTimeoutError, SchedulerUnavailableError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Growing pauses between attempts.

    Parameters
    ----------
    first_s, longest_s
        The first pause; each is twice the one before, but never longer than the longest.
    retries
        How often something is tried again that may pass.
    retries_while_away
        Likewise, where the cluster or its scheduler cannot be reached at all.
    bug_retries
        Likewise, where nobody knows what went wrong.
    crashes
        After so many workers in a row that died on a step, without anything new in the record, nobody tries
        it again. A worker may die of something else, such as the step of another run: from the second time on
        the run is a suspect, and no worker has two of these at once, so that others do not bring it here.
    look_again_s
        The pause before one asks again for a job that nobody knows.
    busy_s
        The pause where the cluster has no room for another job.
    refusals
        After so many refusals in a row for want of room, a job array is made shorter: the places that get
        free one by one would never be enough for it where others' small jobs take them.
    database_s
        For how long what came out is kept while the database is away; ``None`` for as long as it takes.
    """

    first_s: float = 2.0
    longest_s: float = 300.0
    retries: int = 5
    retries_while_away: int = 18
    bug_retries: int = 2
    crashes: int = 5
    look_again_s: float = 2.0
    busy_s: float = 30.0
    refusals: int = 3
    database_s: float | None = None

    def pause_s(self, attempt: int) -> float:
        """Return the pause after an attempt, the first being 0; many runs at once are spread a little."""
        pause = min(self.first_s * 2.0 ** min(attempt, 20), self.longest_s)
        return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret

    def retries_after(self, error: BaseException) -> int:
        """Return how often something may be tried again that went wrong in this way."""
        if isinstance(error, _AWAY):
            return self.retries_while_away
        if isinstance(error, BiomeroError):
            return self.retries if error.transient else 0
        return 0 if isinstance(error, OSError) else self.bug_retries


ATTENDED = Patience(retries_while_away=5, database_s=120.0)
"""For a person who sits and waits."""
