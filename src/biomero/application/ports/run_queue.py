"""Which process works on which run, and when somebody looks at it again.

The record says what happened to a run; the queue says who works on it. It is an index over the record: one
row a run, which can be made again by folding the run's events. What a step decides and where the run goes
next are stored in one transaction, and only for the process that holds the run's newest claim.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from biomero.domain.ids import RunId
from biomero.domain.job import JobRef
from biomero.domain.workflow_run import WorkflowRun

Decide = Callable[[WorkflowRun], object]
"""Calls the run's methods; called again on a newer run if somebody else changed it meanwhile."""


SUSPECT_CRASHES = 2
"""Over a run with so many crashes workers may well have died: it is a suspect."""

LONGEST_PAUSE_S = 600.0
"""No step is put off for longer. A run whose moment is further away is due all the same: that was stored
before the clock was set back, and nobody waits until the clock is there again."""


class QueueState(enum.Enum):
    """What the queue holds of a run."""

    READY = "ready"
    """A step waits for a worker, or for its time."""
    CLAIMED = "claimed"
    """A worker is at it."""
    WAITING = "waiting"
    """Jobs work on it; whoever watches the cluster makes it ready again."""
    PAUSED = "paused"
    """It needs a person."""
    ENDED = "ended"


class Pool(enum.Enum):
    """What a step mostly uses; each pool has its limit."""

    STAGE = "stage"
    """Reading images and sending them."""
    SUBMIT = "submit"
    """A few remote commands."""
    FETCH = "fetch"
    DELIVER = "deliver"


class Wish(enum.StrEnum):
    """What somebody may want of a run while it is on its way."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerId:
    """A process that drives runs, or one thread of the world that believes to be it.

    Parameters
    ----------
    host
        The machine's name, then after ``/`` what tells apart where and since when its processes are counted.
    pid, started
        The process and when it began, as the kernel counts; a number that was given out again is told apart.
    """

    host: str
    pid: int
    started: int

    def __str__(self) -> str:
        return f"{self.host}|{self.pid}|{self.started}"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRun:
    """A run on its way into the queue.

    Parameters
    ----------
    step
        The name of its first step.
    cluster
        The cluster's name in the settings; ``local`` for this machine.
    requester
        Whose turn it is when many want the same; fairness is between requesters.
    host
        The name of the only machine that can drive it, because its files are there; ``None`` for any.
    """

    run_id: RunId
    step: str
    pool: Pool
    cluster: str
    requester: str
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to work on a step of a run, until another claim of the same run is given out.

    Parameters
    ----------
    token
        Grows with every claim of the run.
    attempt
        How often the step was tried since it last succeeded, from 0.
    cancel_requested, pause_requested
        Somebody wants the run to end, or to stop here.
    crashes
        How many workers in a row died while they had this step, without anything new in the record. From
        `SUSPECT_CRASHES` on the run is a suspect.
    """

    run_id: RunId
    step: str
    pool: Pool
    token: int
    attempt: int
    cluster: str
    requester: str
    cancel_requested: bool = False
    pause_requested: bool = False
    crashes: int = 0

    def follows(self, token: int) -> bool:
        """Say whether nobody else had the run since the claim with a token."""
        return self.token <= token + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may go on at once; what is not named has no limit.

    Parameters
    ----------
    pools
        Claims in each pool, all workers counted.
    runs_per_cluster
        Runs of a cluster that have jobs waiting or running there. A step of the pool `Pool.SUBMIT` is given
        out only below it.
    runs_per_requester
        Likewise for one requester on one cluster.
    conversions
        Those of these runs on one cluster whose job is a conversion's: they are at a step of
        `names.CONVERSION`. Whether one has anything to convert is not looked at.
    """

    pools: Mapping[Pool, int] = field(default_factory=dict)
    runs_per_cluster: Mapping[str, int] = field(default_factory=dict)
    runs_per_requester: int | None = None
    conversions: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoOn:
    """The step is done; another one is next, at once."""

    step: str
    pool: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class TryAgain:
    """The same step again, later.

    Parameters
    ----------
    after_s
        No longer than `LONGEST_PAUSE_S`; what is longer is cut.
    counts
        It was a failed attempt; without it the step was only not possible yet (a limit of the cluster).
    """

    after_s: float
    counts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForJob:
    """A job works on it; then comes a step that judges it."""

    job: JobRef
    step: str
    pool: Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """A person is needed; resuming goes on with the same step.

    Parameters
    ----------
    is_wanted
        Somebody asked for the pause. If that was taken back meanwhile, the run goes on instead, and what the
        step decided is dropped. A claim with `pause_requested` says so by itself.
    """

    is_wanted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Nothing is left to do."""


Move = GoOn | TryAgain | WaitForJob | Park | End


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What a worker hears when it says that it lives.

    Parameters
    ----------
    lost
        Claims of its own that another worker has taken over.
    wanted
        Runs of its own that somebody wants to end or to pause.
    """

    lost: frozenset[RunId] = frozenset()
    wanted: frozenset[RunId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRun:
    """A run whose job is at a cluster.

    Parameters
    ----------
    seen
        What was last told of the job with `tell`; empty before.
    unknown_looks
        How many answers in a row did not have the job.
    host
        The name of the only machine that can drive the run; ``None`` for any. A job of the cluster ``local``
        is known there alone.
    """

    run_id: RunId
    job: JobRef
    since: datetime
    seen: str = ""
    unknown_looks: int = 0
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNews:
    """What a look at the cluster says of a run's job.

    Parameters
    ----------
    seen
        A fingerprint of it, compared with the next look's.
    decide
        Records it in the run; ``None`` where there is nothing to record.
    is_over
        The run becomes ready: its next step judges the job.
    """

    run_id: RunId
    job: JobRef
    seen: str
    unknown_looks: int = 0
    decide: Decide | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as the others see it.

    Parameters
    ----------
    notes
        What it says of itself, by topic; such as why nothing goes to a cluster.
    """

    worker: WorkerId
    version: str
    started_at: datetime
    seen_at: datetime
    claims: int
    drives_all: bool
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A run as the queue holds it, for people."""

    run_id: RunId
    state: QueueState
    step: str
    cluster: str
    requester: str
    due: datetime
    attempt: int
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """Runs that limits count and that are equal in what is counted.

    Parameters
    ----------
    pool
        That of the step that workers are at; ``None`` of runs whose jobs are at a cluster.
    is_conversion
        Of the steps before and after a conversion's job.
    """

    pool: Pool | None
    cluster: str
    requester: str
    count: int
    is_conversion: bool = False


class RunQueue(Protocol):
    """Hands runs to workers; safe between threads and processes.

    Leases are measured by the database's clock where it is a server's, and by this machine's else.
    While the database cannot be used, every method raises `DatabaseUnavailableError`. Nothing was changed
    then, or (where the connection broke during the answer) it is unknown whether it was: each method
    may be called again.
    """

    def add(self, queued: QueuedRun, run: WorkflowRun) -> None:
        """Store a new run's events and its place, in one transaction."""
        ...

    def claim(
        self, worker: WorkerId, limits: Limits, *, most: int = 20, only: Collection[RunId] | None = None
    ) -> list[Claim]:
        """Give out steps that are due, fairly between requesters: who has fewest at work comes first.

        Also given out, at once, are runs whose worker is dead: its lease has run out, or its process is seen
        to be gone on this machine. A run with a wish (cancel, pause) is given out whatever it waits for,
        except while another living worker is at it: that one hears of it with its pulse.

        A worker has one suspect in hand at most, so that no run is blamed again and again for what another
        one does: runs that it shares a dying worker with make it a suspect, and after that it dies with its
        own steps alone. Suspects take turns, the one with fewest crashes first.

        Parameters
        ----------
        only
            Among these runs alone.
        """
        ...

    def pulse(self, worker: WorkerId) -> Pulse:
        """Say that the worker lives, which extends all its leases, and hear what is new about its claims."""
        ...

    def change(self, claim: Claim, decide: Decide) -> WorkflowRun:
        """Record what a step decides on its way, and return the run as it is then.

        Raises
        ------
        LeaseLostError
            If the claim is no longer the newest one. Nothing is stored.
        """
        ...

    def move(self, claim: Claim, move: Move, decide: Decide | None = None) -> WorkflowRun:
        """Record what a step decides and where the run goes, in one transaction; the claim is over then.

        Raises
        ------
        LeaseLostError
            If the claim is no longer the newest one. Nothing is stored.
        """
        ...

    def put_off(self, claim: Claim, *, after_s: float) -> None:
        """Give a claim back, for the same step later, without a look at the record, which may be unreadable.

        It counts as a failed attempt.

        Raises
        ------
        LeaseLostError
            If the claim is no longer the newest one.
        """
        ...

    def request(self, run_id: RunId, wish: str, decide: Decide) -> WorkflowRun:
        """Record somebody's wish: ``cancel``, ``pause`` or ``resume``, and make the run due.

        A run that has ended stays as it is. Resuming makes a paused run ready at the step where it stood,
        with no failed attempts; it takes back a pause that has not happened yet. A run that was paused while
        a job worked on it waits for that job again. Of a run that the queue does not have, the decision is
        stored all the same.

        Raises
        ------
        ParameterError
            If the wish is another one.
        UnknownRunError
            If there is no such run.
        """
        ...

    def restart(
        self, run_id: RunId, step: str, pool: Pool, decide: Decide, *, otherwise: QueuedRun | None = None
    ) -> WorkflowRun:
        """Record that a person wants an ended or paused run tried again from a step, and make it due.

        Parameters
        ----------
        otherwise
            The place of a run that ended before there was a queue.

        Raises
        ------
        UsageError
            If the run has not ended and is not paused, or the queue does not have it. Nothing is stored.
        """
        ...

    def waiting(self, cluster: str) -> Sequence[WaitingRun]:
        """Return the runs that have jobs at a cluster."""
        ...

    def count_waiting(self, cluster: str) -> int:
        """Return how many runs have jobs at a cluster; quick, however many have ended."""
        ...

    def tell(self, news: Sequence[JobNews]) -> None:
        """Store what a look said of many runs, in few transactions.

        News of a run that does not wait for that very job any more are left out.
        """
        ...

    def lead(self, what: str, worker: WorkerId) -> bool:
        """Say whether this worker is the one that does something, such as watching a cluster.

        It is for half a minute from each call that says so; if it dies, another one is then.
        """
        ...

    def enter(self, worker: WorkerId, *, version: str, drives_all: bool) -> None:
        """Make a worker known to the others; ``drives_all`` where it takes everybody's runs."""
        ...

    def note(self, worker: WorkerId, notes: Mapping[str, str]) -> None:
        """Tell people what a worker has to say of itself, in the place of what it said before."""
        ...

    def leave(self, worker: WorkerId) -> None:
        """Give back all claims of a worker, which are ready again at once, and forget it."""
        ...

    def workers(self) -> list[WorkerView]:
        """Return the workers that live."""
        ...

    def view(self, *, states: Collection[QueueState] | None = None, limit: int = 1000) -> list[QueueView]:
        """Return what the queue holds, oldest first."""
        ...

    def find(self, run_id: RunId) -> QueueView | None:
        """Return how the queue holds a run; ``None`` where it does not."""
        ...

    def still_going(self, run_ids: Collection[RunId]) -> frozenset[RunId]:
        """Return which of some runs are here, have not ended and are not paused."""
        ...

    def counts(self) -> Mapping[tuple[str, QueueState, str], int]:
        """Return how many runs there are that have not ended, by cluster, state and step."""
        ...

    def at_work(self) -> Sequence[AtWork]:
        """Return what limits count; quick, however many runs wait or have ended."""
        ...

    def rebuild(self, place: Callable[[WorkflowRun], QueuedRun | None]) -> int:
        """Add the runs of the record that have not ended and are not here; return how many.

        Others may work on runs meanwhile: a place that the record does not contradict stays as it is.
        """
        ...
