"""Runs, found in the views of runs and of their jobs; see `RunFinder`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import sqlalchemy as sa

from biomero.adapters.persistence.engine import database_errors
from biomero.adapters.persistence.event_store import Factory
from biomero.adapters.persistence.tables import RunJobRow, RunRow
from biomero.domain.ids import RunId

_DIGITS = 32


class SqlRunFinder:
    """Asks the views of runs and of jobs, which are brought up to date before.

    Parameters
    ----------
    follow
        Brings the views up to date.
    """

    def __init__(self, factory: Factory, follow: Callable[[], object]) -> None:
        self._url = factory.url
        self._engine = factory.engine
        self._follow = follow

    def newest(
        self,
        user: int | None,
        *,
        requested_by: str | None = None,
        name: str | None = None,
        most: int,
        skip: int = 0,
    ) -> Sequence[RunId]:
        """See `RunFinder.newest`."""
        question = _of(user).offset(skip).limit(most)
        if requested_by is not None:
            question = question.where(RunRow.requested_by == requested_by)
        if name is not None:
            question = question.where(RunRow.name == name)
        return self._ask(question)

    def beginning(self, text: str, user: int | None, *, most: int) -> Sequence[RunId]:
        """See `RunFinder.beginning`."""
        digits = text.replace("-", "")
        try:  # ids that begin alike stand side by side, so that none of the others is looked at
            first, last = (UUID(digits.ljust(_DIGITS, filler)) for filler in "0f")
        except ValueError:
            return []
        question = _of(user).where(RunRow.run_id.between(first, last)).limit(most)
        return [run_id for run_id in self._ask(question) if run_id.startswith(text)]

    def with_job(self, job_id: int, user: int | None, *, most: int, skip: int = 0) -> Sequence[RunId]:
        """See `RunFinder.with_job`."""
        had_it = sa.select(RunJobRow.run_id).where(RunJobRow.job_id == job_id)
        return self._ask(_of(user).where(RunRow.run_id.in_(had_it)).offset(skip).limit(most))

    def _ask(self, question: sa.Select[tuple[UUID]]) -> list[RunId]:
        self._follow()
        with database_errors(self._url), self._engine.connect() as connection:
            return [RunId(str(run_id)) for run_id in connection.execute(question).scalars()]


def _of(user: int | None) -> sa.Select[tuple[UUID]]:
    question = sa.select(RunRow.run_id).order_by(RunRow.requested_at.desc(), RunRow.run_id)
    return question if user is None else question.where(RunRow.user_id == user)
