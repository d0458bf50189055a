"""The tables of the queue of runs: who works on what, who lives, and who does what only one may do.

Moments are seconds since 1970, as the database's own clock counts them (SQLite: this machine's), so that they
can be compared in SQL and no time zone is ever meant.
"""

from __future__ import annotations

import sqlalchemy as sa

from biomero.adapters.persistence.event_recorder import OriginatorId
from biomero.adapters.persistence.tables import ViewBase
from biomero.application.engine import names
from biomero.application.ports.run_queue import SUSPECT_CRASHES, QueueState

_STATE_IS = "state = '{}'"

RUNS = sa.Table(
    "engine_run",
    ViewBase.metadata,
    sa.Column("run_id", OriginatorId, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("pool", sa.String, nullable=False),
    sa.Column("cluster", sa.String, nullable=False),
    sa.Column("requester", sa.String, nullable=False),
    sa.Column("host", sa.String),
    sa.Column("added", sa.Double, nullable=False),
    sa.Column("due", sa.Double, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    # how many workers died in a row without anything new in the record
    sa.Column("crashes", sa.Integer, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("cancel", sa.Boolean, nullable=False),
    sa.Column("pause", sa.Boolean, nullable=False),
    # what the record said when it was last written to through the queue
    sa.Column("is_final", sa.Boolean, nullable=False),
    # the job that works on it; kept while the run is stopped, so that resuming waits on
    sa.Column("job_key", sa.String),
    sa.Column("job_id", sa.BigInteger),
    sa.Column("job_folder", sa.String),
    sa.Column("job_tasks", sa.Integer),
    sa.Column("since", sa.Double),
    sa.Column("seen", sa.String, nullable=False),
    sa.Column("unknown_looks", sa.Integer, nullable=False),
)


_HAS_NOT_ENDED = f"state <> '{QueueState.ENDED.value}'"


def _index(name: str, condition: str, *columns: str) -> sa.Index:
    """Return an index of some runs alone: those that have ended are many, and nobody asks."""
    only = sa.text(condition)
    return sa.Index(name, *(RUNS.c[c] for c in columns), sqlite_where=only, postgresql_where=only)


INDEXES = (
    # whole groups are counted and their oldest found without a look at the table
    _index(
        "ix_engine_run_ready",
        _STATE_IS.format(QueueState.READY.value),
        *("pool", "cluster", "requester", "added", "due", "host", "cancel", "pause", "crashes"),
    ),
    _index(
        "ix_engine_run_claimed",
        _STATE_IS.format(QueueState.CLAIMED.value),
        *("owner", "pool", "cluster", "requester"),
    ),
    _index("ix_engine_run_waiting", _STATE_IS.format(QueueState.WAITING.value), "cluster", "requester"),
    _index("ix_engine_run_open", _HAS_NOT_ENDED, "cluster", "state", "step"),
)

WORKERS = sa.Table(
    "engine_worker",
    ViewBase.metadata,
    sa.Column("worker", sa.String, primary_key=True),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    # the lease of all its claims
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("drives_all", sa.Boolean, nullable=False),
    # what people are to know of it, in words
    sa.Column("notes", sa.JSON),
)

LEADS = sa.Table(
    "engine_lead",
    ViewBase.metadata,
    sa.Column("what", sa.String, primary_key=True),
    sa.Column("worker", sa.String, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)


def state_is(*states: QueueState) -> sa.ColumnElement[bool]:
    """Return the condition that a run is in one of some states.

    The states stand in the statement itself: a database uses the index of one state only if it sees it there.
    """
    words: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{state.value}'") for state in states]
    return RUNS.c.state == words[0] if len(words) == 1 else RUNS.c.state.in_(words)


HAS_NOT_ENDED = RUNS.c.state != sa.literal_column(f"'{QueueState.ENDED.value}'")
"""The condition as the index has it, word for word."""

HAS_WISH = sa.or_(RUNS.c.cancel, RUNS.c.pause)
"""Somebody wants the run to end, or to stop."""

# the number stands in the statement itself: PostgreSQL groups by an expression only if it is the very same
IS_SUSPECT = RUNS.c.crashes >= sa.literal_column(str(SUSPECT_CRASHES))
"""Workers died over the run so often that it is a suspect."""

SUSPICION = sa.case((IS_SUSPECT, RUNS.c.crashes), else_=sa.literal_column("0", sa.Integer))
"""How many workers died over a suspect; 0 for all others."""

IS_CONVERSION = RUNS.c.step.in_([sa.literal_column(f"'{step}'") for step in names.CONVERSION])
"""The run is at the step before or after a conversion's job. No index has it: who asks looks at the table."""

AT_REST = sa.case(
    (sa.and_(RUNS.c.job_key.is_not(None), sa.not_(HAS_WISH)), QueueState.WAITING.value),
    else_=QueueState.READY.value,
)
"""The state of a run that nobody is at: its job works on, or a step is next."""

NO_JOB = {"job_key": None, "job_id": None, "job_folder": None, "job_tasks": None, "since": None}
"""The values of a run on which no job works."""
