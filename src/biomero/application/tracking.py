"""The append-only record of runs and their tasks, with the calls that scripts make on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import Aggregate
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    PersistenceError,
    Recording,
)

from biomero.application.record_json import plain_value, task_to_json
from biomero.application.run_repository import Id, RunRepository, as_uuid
from biomero.domain.job import TaskReport
from biomero.domain.task import Task
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import (
    BiomeroError,
    DatabaseUnavailableError,
    ParameterError,
    RecordConflictError,
    RecordError,
    UnknownRunError,
    UnknownTaskError,
)

_ATTEMPTS = 20
_SECTION = 500
_log = logging.getLogger(__name__)

A = TypeVar("A", WorkflowRun, Task)


@dataclass(slots=True)
class _Attempt:
    """The last event that was sent to the database; its answer may have got lost."""

    last: Any = None


class WorkflowTracker(Application[UUID]):
    """Records what scripts say of their runs, and holds the runs of our own engine too.

    Every call reads the run or task, lets it decide, and stores the decision in one transaction; if another
    process changed it meanwhile, it is read again, so that nobody's change is lost. Ids may be given as text.
    Every call raises `RecordError` if the database does not do its part, and `UnknownRunError` or
    `UnknownTaskError` for an id that nobody gave out.

    Its name is part of the stored tables' names.

    Parameters
    ----------
    env
        eventsourcing's settings: which database holds the events.
    """

    name = "WorkflowTracker"
    log_section_size = _SECTION

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        super().__init__(dict(env or {}))
        self.followers: list[Callable[[], object]] = []
        """Called after every save; what they raise of ours is logged, and the save stands."""
        self.levellers: list[Callable[[], object]] = []
        """Called when views are to be level with the record."""
        self.closers: list[Callable[[], object]] = []
        """Called before the database is closed."""

    @property
    def repository(self) -> RunRepository:
        """Gives runs and tasks by their id, which may be text."""
        found = super().repository
        assert isinstance(found, RunRepository)  # noqa: S101 - tells the type checker
        return found

    def construct_repository(self) -> RunRepository:
        """Return a repository that takes ids as text too."""
        return RunRepository(self.events, self.factory.aggregate_recorder("snapshots"))

    def close(self) -> None:
        """Let the views follow to the end, then close the database."""
        for close in self.closers:
            close()
        super().close()

    # -- runs

    def initiate_workflow(self, name: str, description: str, user: int | None, group: int | None) -> UUID:
        """Record a new run and return its id."""
        run = WorkflowRun(
            name=plain_value(name), description=plain_value(description), user=user, group=group
        )
        self.begin(run)
        self.repository.remember(run)
        return run.id

    def add_task_to_workflow(
        self,
        workflow_id: Id,
        task_name: str,
        task_version: str,
        input_data: Any,  # noqa: ANN401 - what scripts give: text, a number, a list, a mapping
        kwargs: Mapping[str, Any] | None,
    ) -> UUID:
        """Record a new task of a run, with its parameters, and return the task's id."""
        try:
            run_id = as_uuid(workflow_id)
        except ValueError as exc:
            raise _unknown(WorkflowRun, workflow_id) from exc
        task = Task(
            workflow_id=run_id,
            task_name=plain_value(task_name),
            task_version=plain_value(task_version),
            input_data=plain_value(input_data),
            params=plain_value(dict(kwargs or {})),
        )
        (created,) = task.collect_events()
        along: list[Task] = []

        def decide(run: WorkflowRun) -> None:
            # the same task each time: the answer to an attempt that was stored may have been lost
            again: Any = created.mutate(None)
            again.pending_events.append(created)
            along[:] = [again]
            run.add_task(task.id)

        self._decide(WorkflowRun, workflow_id, decide, along=along)
        self.repository.remember(along[0])
        return task.id

    def start_workflow(self, workflow_id: Id) -> None:
        """Record that work on a run began."""
        self._decide(WorkflowRun, workflow_id, WorkflowRun.start)

    def complete_workflow(self, workflow_id: Id) -> None:
        """End a run well."""
        self._decide(WorkflowRun, workflow_id, WorkflowRun.complete)

    def fail_workflow(self, workflow_id: Id, error_message: str) -> None:
        """End a run without its results."""
        text = _text(error_message)
        self._decide(WorkflowRun, workflow_id, lambda run: run.fail_without_evidence(text))

    # -- tasks

    def start_task(self, task_id: Id) -> None:
        """Record that work on a task began."""
        self._decide(Task, task_id, Task.start)

    def complete_task(self, task_id: Id, message: str) -> None:
        """End a task well."""
        self._decide(Task, task_id, lambda task: task.complete(_text(message)))

    def fail_task(self, task_id: Id, error_message: str) -> None:
        """End a task without what it was for."""
        self._decide(Task, task_id, lambda task: task.fail(_text(error_message)))

    def add_job_id(self, task_id: Id, slurm_job_id: int | str) -> None:
        """Record that a Slurm job works on a task.

        Raises
        ------
        ParameterError
            If that is no id that Slurm gives out.
        """
        try:
            job_id = int(slurm_job_id)
        except (TypeError, ValueError) as exc:
            raise ParameterError(f"not the id of a Slurm job: {slurm_job_id!r}") from exc
        if job_id < 1:
            raise ParameterError(f"not the id of a Slurm job: {job_id}; was the submission refused?")
        self._decide(Task, task_id, lambda task: task.add_job_id(job_id))

    def end_job(self, task_id: Id, slurm_job_id: int, tasks: Sequence[TaskReport]) -> None:
        """Record how a job of a task ended and what it used; the same again writes nothing."""
        ended = [task_to_json(task) for task in tasks]
        self._decide(Task, task_id, lambda task: task.end_job(slurm_job_id, ended))

    def add_result(self, task_id: Id, result: Any) -> None:  # noqa: ANN401 - anything with those attributes
        """Record a command that was run for a task: its ``command``, ``env``, ``stdout`` and ``stderr``."""
        fields = ("command", "env", "stdout", "stderr")
        value = {name: plain_value(getattr(result, name, None)) for name in fields}
        self._decide(Task, task_id, lambda task: task.add_result(value))

    def update_task_status(self, task_id: Id, status: str) -> None:
        """Record what is said of a task or its job; the same again writes nothing."""
        self._decide(Task, task_id, lambda task: task.update_status(_text(status)))

    def update_task_progress(self, task_id: Id, progress: str | None) -> None:
        """Record how far a task is, such as ``43%``; the same again writes nothing."""
        value = None if progress is None else _text(progress)
        self._decide(Task, task_id, lambda task: task.update_progress(value))

    # -- what all of them share

    def load(self, kind: type[A], aggregate_id: Id) -> A:
        """Return a run or task as its events tell.

        Raises
        ------
        UnknownRunError, UnknownTaskError
            If there is none of that id.
        """
        try:
            with record_errors():
                found: Aggregate = self.repository.get(as_uuid(aggregate_id))
        except (AggregateNotFoundError, ValueError) as exc:
            raise _unknown(kind, aggregate_id) from exc
        if not isinstance(found, kind):
            raise _unknown(kind, aggregate_id)
        return found

    def change(self, kind: type[A], aggregate_id: Id, decide: Callable[[A], object]) -> A:
        """Let `decide` call the aggregate's methods, store what it decided, and return what became of it.

        If another process changed it at the same time, it is read again and `decide` is called again.

        Raises
        ------
        RecordConflictError
            If others were quicker at every attempt.
        """
        copies: list[A] = []
        self._decide(kind, aggregate_id, decide, then=lambda found: copies.append(deepcopy(found)))
        return copies[0]

    def _decide(
        self,
        kind: type[A],
        aggregate_id: Id,
        decide: Callable[[A], object],
        *,
        along: list[Task] | None = None,
        then: Callable[[A], object] | None = None,
    ) -> None:
        """See `change`.

        Parameters
        ----------
        along
            Filled by `decide`: new tasks that are stored in the same transaction.
        then
            Told what became of the aggregate, before that is remembered.
        """
        attempt = _Attempt()
        found = self._change_remembered(kind, aggregate_id, decide, along, attempt)
        found = found or self._change_newest(kind, aggregate_id, decide, along, attempt)
        if then is not None:
            then(found)
        self.repository.remember(found)

    def _change_remembered(
        self,
        kind: type[A],
        aggregate_id: Id,
        decide: Callable[[A], object],
        along: list[Task] | None,
        attempt: _Attempt,
    ) -> A | None:
        """Decide on what this process remembers; ``None`` where that does not lead to anything new.

        It is wrong only if another process was here since, and then the database refuses the version.
        """
        with suppress(ValueError):
            found = self.repository.take(as_uuid(aggregate_id))
            if isinstance(found, kind):
                with suppress(Exception):  # on what is recorded now, it may be right, or it is raised there
                    decide(found)
                    if found.pending_events:
                        attempt.last = found.pending_events[-1]
                        self.save(*(along or []), found)
                        return found
        return None

    def _change_newest(
        self,
        kind: type[A],
        aggregate_id: Id,
        decide: Callable[[A], object],
        along: list[Task] | None,
        attempt: _Attempt,
    ) -> A:
        for number in range(_ATTEMPTS):
            found = self.take_newest(kind, aggregate_id)
            if attempt.last is not None and self._is_stored(attempt.last):
                self.let_follow()
                return found
            decide(found)
            try:
                if found.pending_events:
                    attempt.last = found.pending_events[-1]
                    self.save(*(along or []), found)
            except (IntegrityError, OperationalError) as exc:
                problem: Exception = exc
                time.sleep(0.02 * (number + 1))
            except PersistenceError as exc:
                raise _ours(exc) from exc
            else:
                return found
        raise _ours(problem) from problem

    def begin(self, run: WorkflowRun) -> None:
        """Record a new run.

        Raises
        ------
        DatabaseUnavailableError
            If it was not recorded; it may be, if the database was lost again before it could be asked.
        """
        first = run.pending_events[0]
        try:
            self.save(run)
        except PersistenceError as exc:
            with record_errors():
                is_stored = isinstance(exc, OperationalError | InterfaceError) and self._is_stored(first)
            if not is_stored:
                raise _ours(exc) from exc
            self.let_follow()

    def _is_stored(self, event: Any) -> bool:  # noqa: ANN401 - the library's events have no common type
        """Say whether an event is in the record although storing it seemed to fail: answers get lost."""
        mine = self.mapper.to_stored_event(event)
        version = mine.originator_version
        with record_errors():
            return mine in self.recorder.select_events(mine.originator_id, gt=version - 1, lte=version)

    def take_newest(self, kind: type[A], aggregate_id: Id) -> A:
        """Return a run or task as its events tell now; it is the caller's, who changes and stores it.

        Raises
        ------
        UnknownRunError, UnknownTaskError
            If there is none of that id.
        """
        try:
            with record_errors():
                found = self.repository.take_newest(as_uuid(aggregate_id))
        except (AggregateNotFoundError, ValueError) as exc:
            raise _unknown(kind, aggregate_id) from exc
        if not isinstance(found, kind):
            raise _unknown(kind, aggregate_id)
        return found

    def save(self, *objs: Any, **kwargs: Any) -> list[Recording[UUID]]:  # noqa: ANN401 - the library's own
        """Store what runs and tasks decided; then let the views follow.

        Inside somebody else's transaction (``session=``) the views wait: nothing is there for them yet.
        """
        if all(isinstance(one, Aggregate) for one in objs):
            # the library asks of everything whether it is an event, which takes as long as storing one
            events = [event for one in objs for event in one.collect_events()]
            recordings = self.events.put(events, **kwargs)
            self._notify(recordings)
            self.notify(events)
        else:
            recordings = super().save(*objs, **kwargs)
        if recordings and "session" not in kwargs:
            self.let_follow()
        return recordings

    def pull_and_process(
        self,
        leader_name: str = name,  # noqa: ARG002 - views follow one record only
        start: int | None = None,  # noqa: ARG002 - a view knows its own position
        stop: int | None = None,  # noqa: ARG002
    ) -> None:
        """Bring the views up to date; events that they have seen are not processed again."""
        for bring_level in self.levellers:
            bring_level()

    def let_follow(self) -> None:
        """Tell those who follow that something was stored."""
        for follow in self.followers:
            try:
                follow()
            except BiomeroError as exc:
                _log.warning("views will catch up later: %s", exc)
            except Exception:  # noqa: BLE001 - the save is done; nothing that a view does may undo that
                _log.exception("views cannot follow")


@contextmanager
def record_errors() -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except PersistenceError as exc:
        raise _ours(exc) from exc


def _ours(error: Exception) -> RecordError:
    text = str(error).partition("\n")[0]
    if isinstance(error, OperationalError | InterfaceError):
        return DatabaseUnavailableError(f"the record of runs cannot be used now: {text}")
    if isinstance(error, IntegrityError):
        return RecordConflictError(f"others changed the same run {_ATTEMPTS} times in a row; try again")
    return RecordError(f"the record of runs: {text}")


def _unknown(kind: type[WorkflowRun | Task], aggregate_id: Id) -> UnknownRunError | UnknownTaskError:
    if kind is Task:
        return UnknownTaskError(f"there is no task {aggregate_id}")
    return UnknownRunError(f"there is no run {aggregate_id}; `biomero runs list` shows all")


def _text(value: object) -> str:
    """Return text that a database can hold; scripts pass exceptions and numbers, too."""
    return str(plain_value(str(value)))
