"""Drives runs: takes what is due from the queue, does it in threads, and puts it back.

A tick costs one question to the database. Steps are done in threads of their own; jobs are waited for by
`JobWatcher`, one for each cluster. Whatever this process has in memory can be lost at any moment.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TypeVar

from biomero.application.engine import trouble
from biomero.application.engine.body import Body, Memory
from biomero.application.engine.context import StepEnd
from biomero.application.engine.door import Door
from biomero.application.engine.full_clusters import FullClusters
from biomero.application.engine.patience import Patience
from biomero.application.engine.steps import STEPS
from biomero.application.engine.watching import Watching
from biomero.application.log_fields import log_fields
from biomero.application.ports.clock import Clock
from biomero.application.ports.progress import ProgressListener, RunUpdate, SilentListener
from biomero.application.ports.run_queue import (
    Claim,
    End,
    Limits,
    Move,
    Park,
    QueueState,
    RunQueue,
    TryAgain,
    WaitForJob,
    WorkerId,
)
from biomero.application.run_record import RunRecord
from biomero.application.worker_status import full_notes
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.errors import DatabaseUnavailableError, LeaseLostError

_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")

OnStep = Callable[[Claim, Move, float], object]

_AFTER_ERROR_S = 60.0
_AFTER_ERROR_AT_MOST_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How an engine works.

    Parameters
    ----------
    tick_s
        The longest pause between two looks into the queue; the end of a step ends it.
    pulse_s
        How often it says that it lives.
    most_steps
        How many steps it works on at once.
    stop_within_s
        How long steps have to come to a safe place when it is told to stop.
    """

    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)
    tick_s: float = 1.0
    pulse_s: float = 5.0
    most_steps: int = 20
    stop_within_s: float = 30.0


class Engine:
    """Drives all runs of a queue, or some.

    Parameters
    ----------
    only
        The runs to drive; `run` returns when these have ended or are paused. Without it, all of them are
        driven until `stop`.
    listener
        Hears how the runs get on, if there are few.
    session
        Says what this process has cost the cluster since it was last asked, if it drives one run.
    is_enough
        Asked while there is nothing to do here: says when to wait for others no longer.
    on_step
        Hears of each step where the run went then, and how long it took; must not fail and must not wait.

    Attributes
    ----------
    ticked_at
        When the last tick ended, in seconds of `time.monotonic`; an engine that hangs does not tick.
    """

    def __init__(
        self,
        queue: RunQueue,
        record: RunRecord,
        door: Door,
        worker: WorkerId,
        clock: Clock,
        *,
        settings: EngineSettings | None = None,
        only: Collection[RunId] | None = None,
        listener: ProgressListener | None = None,
        session: Callable[[], Json | None] = lambda: None,
        is_enough: Callable[[], bool] = lambda: False,
        on_step: OnStep = lambda _claim, _move, _seconds: None,
    ) -> None:
        self.worker = worker
        self.ticked_at = time.monotonic()
        self._queue = queue
        self._record = record
        self._door = door
        self._settings = settings or EngineSettings()
        self._only = only
        self._listener = listener or SilentListener()
        self._session = session
        self._is_enough = is_enough
        self._on_step = on_step
        self._memory = Memory()
        self._full = FullClusters(pause_s=self._settings.patience.busy_s, count=queue.count_waiting)
        self._told_full: Mapping[str, str] = {}
        self._bodies: dict[RunId, Body] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._is_database_away = False
        self._death: BaseException | None = None
        self.watching = Watching(
            queue=queue,
            door=door,
            worker=worker,
            clock=clock,
            ended=self._wake,
            show=self._show,
            on_death=self._die,
        )

    def run(self) -> None:
        """Drive until told to stop; or until the runs that are wanted have ended or are paused.

        Raises
        ------
        DatabaseUnavailableError
            If it stayed away for longer than the settings' patience.
        """
        self._patiently(
            lambda: self._queue.enter(self.worker, version=version("biomero"), drives_all=self._only is None)
        )
        pulse = threading.Thread(target=self._pulse, name="pulse", daemon=True)
        pulse.start()
        try:
            while not self._stopping.is_set() and not self._is_over():
                self._tick()
                self._wake.wait(self._settings.tick_s)
                self._wake.clear()
        finally:
            self._stopping.set()
            if self._death is None:
                self._leave()
            else:
                self.watching.stop()
        if self._death is not None:
            raise self._death

    def stop(self) -> None:
        """Ask for the end: steps come to a safe place or end, and what is left is given back."""
        self._stopping.set()
        self._wake.set()

    @property
    def at_work(self) -> list[Claim]:
        """What is worked on at this moment."""
        with self._lock:
            return [body.claim for body in self._bodies.values()]

    @property
    def limits(self) -> Limits:
        """How much may go on at once."""
        return self._settings.limits

    @property
    def full(self) -> Mapping[str, str]:
        """The clusters that take no more jobs for now, by their names, in words."""
        return self._full.told()

    # -- the main loop

    def _tick(self) -> None:
        if self._death is not None:
            return
        try:
            self._end_overdue()
            room = self._settings.most_steps - len(self.at_work)
            if room > 0:
                limits = self._full.within(self._settings.limits, self.at_work)
                for claim in self._queue.claim(self.worker, limits, most=room, only=self._only):
                    self._begin(claim)
            self.watching.look_after(everybody=self._only is None)
            self._pause_unwatched()
        except DatabaseUnavailableError as exc:
            self._note_away(exc)
        except Exception:
            if self._only is not None:
                raise
            # not counted as a tick: who looks at this process sees that it does not get on
            _LOG.exception("nothing is begun in this tick")
            return
        else:
            self._note_back()
        self.ticked_at = time.monotonic()

    def _is_over(self) -> bool:
        """Say whether nothing is left to do for the runs that are wanted."""
        if self._death is not None:
            return True
        if self._only is None or self.at_work:
            return False
        try:
            for run_id in self._only:
                place = self._queue.find(run_id)
                if place is not None and place.state is QueueState.WAITING:
                    self.watching.need(place.cluster)
                if place is not None and place.state not in {QueueState.ENDED, QueueState.PAUSED}:
                    return self._is_enough() or self._has_given_up(run_id)
        except DatabaseUnavailableError as exc:
            self._note_away(exc)
            return False
        return True

    def _has_given_up(self, run_id: RunId) -> bool:
        """Say whether somebody who sits and waits has waited long enough for a run to be cancelled."""
        place = self._queue.find(run_id)
        most = self._settings.patience.retries_while_away
        is_wanted = self._record.get(run_id).cancel_requested_by is not None
        return is_wanted and place is not None and place.attempt > most

    # -- steps

    def _begin(self, claim: Claim) -> None:
        body = Body(
            claim=claim,
            door=self._door,
            patience=self._settings.patience,
            memory=self._memory,
            listener=self._listener,
            store=lambda decide: self._patiently(lambda: self._queue.change(claim, decide)),
            read=lambda: self._patiently(lambda: self._record.get(claim.run_id)),
            session=self._session,
            started=time.monotonic(),
        )
        if claim.cancel_requested or claim.pause_requested:
            body.signals.wanted.set()
        with self._lock:
            before = self._bodies.get(claim.run_id)
            self._bodies[claim.run_id] = body
        if before is not None:  # this process was frozen, and others had the run meanwhile
            before.signals.stopping.set()
        name = f"{claim.step} {claim.run_id[:8]}"
        threading.Thread(target=self._work, args=(body,), name=name, daemon=True).start()

    def _work(self, body: Body) -> None:
        claim = body.claim
        with log_fields(run=claim.run_id, step=claim.step, cluster=claim.cluster):
            self._work_on(body)

    def _work_on(self, body: Body) -> None:
        try:
            end = body.work()
            if body.is_given_up:
                return
            if end is not None:
                self._put_back(body, end)
            elif not self._stopping.is_set():
                # it was told to stop because an older claim was lost; nobody else would take this one
                self._patiently(lambda: self._queue.move(body.claim, TryAgain(after_s=0, counts=False)))
        except LeaseLostError as exc:
            _LOG.warning("%s", exc)
            body.forget()
        except Exception:  # noqa: BLE001 - whatever it is, others go on
            _LOG.exception("run %s: the step %s cannot be recorded", body.claim.run_id, body.claim.step)
            self._put_off(body.claim)
        except BaseException as exc:  # noqa: BLE001 - it is raised again where the process hears it
            self._die(exc)
        finally:
            with self._lock:
                if self._bodies.get(body.claim.run_id) is body:
                    del self._bodies[body.claim.run_id]
            self._wake.set()

    def _die(self, error: BaseException) -> None:
        """Take the whole engine along: what no thread may survive is not survived in part."""
        self._death = error
        self._wake.set()

    def _put_back(self, body: Body, end: StepEnd) -> None:
        run_id = body.claim.run_id
        run = self._patiently(lambda: self._queue.move(body.claim, end.move, end.decide))
        self._full.note(body.claim, end.move, end.why)
        self._on_step(body.claim, end.move, time.monotonic() - body.started)
        if isinstance(end.move, WaitForJob):
            self.watching.look_soon(body.claim.cluster)
        if isinstance(end.move, Park) and body.context is not None:
            trouble.report_of_paused(body.context)
        if isinstance(end.move, TryAgain) and (end.why or run.trouble is not None):
            why = _again(end.why or (run.trouble or {})["message"], end.move.after_s)
            self._show(run_id, RunUpdate(status=run.status, message=why))
        if self._only is not None:
            self._tell_full()
        if isinstance(end.move, End):
            body.forget()

    def _tell_full(self) -> None:
        """Let others hear which clusters are full; a worker for everybody is told by whoever keeps it."""
        notes = full_notes(self.full)
        if notes != self._told_full:
            self._patiently(lambda: self._queue.note(self.worker, notes))
            self._told_full = notes

    def _put_off(self, claim: Claim) -> None:
        """Give a claim back whose run cannot be read, or whose result could not be stored.

        Doing the step again changes nothing. It may take another release of this program, or a repaired
        database, so that it is tried for ever, more and more seldom. As long as this process lives nobody
        else may have the run, so that trying to give it back has no end before that.
        """
        pause = min(_AFTER_ERROR_S * 2.0 ** min(claim.attempt, 10), _AFTER_ERROR_AT_MOST_S)
        while True:
            try:
                self._patiently(lambda: self._queue.put_off(claim, after_s=pause))
            except LeaseLostError:
                return
            except Exception:  # noqa: BLE001 - whatever it is, it may pass
                _LOG.exception("run %s cannot be given back", claim.run_id)
            else:
                return
            if self._stopping.wait(_AFTER_ERROR_S):
                return

    def _end_overdue(self) -> None:
        """Give up on steps that take longer than any should: what they still say is refused by the queue."""
        now = time.monotonic()
        with self._lock:
            bodies = list(self._bodies.values())
        for body in bodies:
            step = STEPS.get(body.claim.step)
            if step is None or now - body.started < step.deadline_s:
                continue
            failure = trouble.overdue(body.claim, step.deadline_s)
            _LOG.error("run %s: %s", body.claim.run_id, failure.message)
            is_last = body.claim.attempt >= self._settings.patience.retries
            end = (
                trouble.parked(failure, None)
                if is_last
                else trouble.once_more(body.claim, failure, self._settings.patience)
            )
            try:
                self._queue.move(body.claim, end.move, end.decide)
            except LeaseLostError as exc:
                _LOG.warning("%s", exc)
            except DatabaseUnavailableError:  # it is still ours, and given up in a later tick
                raise
            except Exception:  # noqa: BLE001 - otherwise no tick would ever come to the others again
                _LOG.exception("run %s: the step %s cannot be recorded", body.claim.run_id, body.claim.step)
                self._put_off(body.claim)
            body.is_given_up = True
            body.signals.stopping.set()
            with self._lock:
                if self._bodies.get(body.claim.run_id) is body:
                    del self._bodies[body.claim.run_id]

    def _pause_unwatched(self) -> None:
        """Tell a person who waits for a run that its cluster does not answer; the job itself goes on."""
        if self._only is None:
            return
        for run_id in self._only:
            place = self._queue.find(run_id)
            if place is not None and place.state is QueueState.WAITING:
                self.watching.pause_unanswered(run_id, place.cluster)

    # -- everything else

    def _pulse(self) -> None:
        while not self._stopping.wait(self._settings.pulse_s) or self.at_work:
            try:
                pulse = self._queue.pulse(self.worker)
            except Exception as exc:  # noqa: BLE001 - whatever it is, the next pulse may succeed
                _LOG.info("no pulse: %s", exc)
            else:
                with self._lock:
                    bodies: Mapping[RunId, Body] = dict(self._bodies)
                for run_id in pulse.wanted & bodies.keys():
                    bodies[run_id].signals.wanted.set()
                for run_id in pulse.lost & bodies.keys():
                    bodies[run_id].signals.stopping.set()
            if self._stopping.is_set():
                time.sleep(min(1.0, self._settings.pulse_s))

    def _leave(self) -> None:
        """Let steps come to a safe place, then give back what is left."""
        deadline = time.monotonic() + self._settings.stop_within_s
        with self._lock:
            for body in self._bodies.values():
                body.signals.stopping.set()
        self.watching.stop()
        while self.at_work and time.monotonic() < deadline:
            self._wake.wait(0.1)
            self._wake.clear()
        if self.at_work:
            _LOG.warning("%d steps did not come to a safe place; they are done again", len(self.at_work))
        try:
            self._queue.leave(self.worker)
        except DatabaseUnavailableError as exc:
            _LOG.warning("claims are not given back, they run out: %s", exc)

    def _patiently(self, act: Callable[[], _T]) -> _T:
        """Do something with the database, again and again while it is away."""
        most = self._settings.patience.database_s
        began = time.monotonic()
        while True:
            try:
                done = act()
            except DatabaseUnavailableError as exc:
                self._note_away(exc)
                if most is not None and time.monotonic() - began >= most:
                    raise
                if self._stopping.wait(1.0):
                    if time.monotonic() - began >= self._settings.stop_within_s:
                        raise
                    time.sleep(min(1.0, self._settings.stop_within_s / 10))
            else:
                self._note_back()
                return done

    def _note_away(self, error: Exception) -> None:
        if not self._is_database_away:
            _LOG.warning("nothing is begun until the database is back: %s", error)
        self._is_database_away = True

    def _note_back(self) -> None:
        if self._is_database_away:
            _LOG.info("the database is back")
        self._is_database_away = False

    def _show(self, run_id: RunId, update: RunUpdate) -> None:
        if self._only is not None and run_id in self._only:
            self._listener.show(update)


def _again(why: str, after_s: float) -> str:
    return f"{why}; trying again in {after_s:.0f} s"
