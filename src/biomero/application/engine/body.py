"""One claim at work: finds what its step needs, does the step, and says where the run goes."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from biomero.application.check_cluster import prepare_root
from biomero.application.engine import names, trouble
from biomero.application.engine.cancel import cancel_run_now
from biomero.application.engine.context import StepContext, StepEnd
from biomero.application.engine.door import Door
from biomero.application.engine.patience import Patience
from biomero.application.engine.place import on_to
from biomero.application.engine.prepare import open_run
from biomero.application.engine.signals import CancelledByUser, PausedByUser, Signals, WorkerStops
from biomero.application.engine.steps import STEPS
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.containers import PreparedProgram
from biomero.application.ports.progress import ProgressListener
from biomero.application.ports.run_queue import Claim, Decide, End, Park, TryAgain
from biomero.application.ports.workflows import Workflow
from biomero.application.run_request import RunRequest
from biomero.domain.ids import RunId
from biomero.domain.run_events import Json
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import LeaseLostError, SchedulerBusyError

_LOG = logging.getLogger(__name__)

_MOST_MADE = 200

_Made = tuple[PreparedProgram | None, tuple[Workflow, PreparedProgram] | None]
_NOTHING: _Made = (None, None)


@dataclass(slots=True)
class Memory:
    """What was found out already and holds for a while; without it, it is found out again."""

    roots: dict[str, tuple[Cluster, str]] = field(default_factory=dict)
    made: OrderedDict[RunId, tuple[int, _Made]] = field(default_factory=OrderedDict)
    refusals: dict[RunId, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def root(self, cluster: Cluster) -> str:
        """Return the folder for runs on a cluster."""
        name = cluster.settings.name
        known = self.roots.get(name)
        if known is None or known[0] is not cluster:
            known = cluster, prepare_root(cluster)[0]
            self.roots[name] = known
        return known[1]

    def keep(self, claim: Claim, context: StepContext) -> None:
        """Remember which programs of a run are ready, and how often in a row its job was refused."""
        with self.lock:
            if context.refusals:
                self.refusals[context.run_id] = context.refusals
            else:
                self.refusals.pop(context.run_id, None)
        if context.program is not None or context.converter is not None:
            self.remember(claim, context.program, context.converter)

    def remember(
        self,
        claim: Claim,
        program: PreparedProgram | None,
        converter: tuple[Workflow, PreparedProgram] | None,
    ) -> None:
        """Remember the programs of a run; of many runs that wait for jobs, the oldest ones are dropped."""
        with self.lock:
            self.made[claim.run_id] = claim.token, (program, converter)
            self.made.move_to_end(claim.run_id)
            while len(self.made) > _MOST_MADE:
                self.made.popitem(last=False)

    def programs(self, claim: Claim) -> _Made:
        """Return what is known of a run's programs; nothing where others had it meanwhile."""
        token, made = self.made.get(claim.run_id, (0, _NOTHING))
        return made if claim.follows(token) else _NOTHING

    def forget(self, run_id: RunId) -> None:
        """Drop what is known of a run."""
        with self.lock:
            self.made.pop(run_id, None)
            self.refusals.pop(run_id, None)


@dataclass(slots=True, kw_only=True)
class Body:
    """A claim at work.

    Parameters
    ----------
    store
        Records a decision on the run, patiently, as long as the claim holds.
    read
        Returns the run as it stands, likewise.
    started
        When it began, in seconds of a clock that only goes forward.
    is_given_up
        It took too long: what it still says does not count.
    context
        What the step works with, once that is found.
    """

    claim: Claim
    door: Door
    patience: Patience
    memory: Memory
    listener: ProgressListener
    store: Callable[[Decide], WorkflowRun]
    read: Callable[[], WorkflowRun]
    session: Callable[[], Json | None]
    started: float
    signals: Signals = field(default_factory=Signals)
    is_given_up: bool = False
    context: StepContext | None = None

    def work(self) -> StepEnd | None:
        """Do the step, and return where the run goes; ``None`` where the step is left for another worker.

        Raises
        ------
        LeaseLostError
            If another worker has the run.
        """
        claim = self.claim
        if claim.crashes >= self.patience.crashes:
            return trouble.parked(trouble.poisonous(claim), None)
        run = self.read()
        if run.status.is_final and claim.step != names.TIDY:
            return StepEnd(move=on_to(names.TIDY))
        if run.cancel_requested_by is not None and not run.status.is_final:
            return self._guarded(cancel_run_now)
        if claim.pause_requested and not run.status.is_final:
            return _hold()
        step = STEPS.get(claim.step)
        if step is None:  # a later release has been here
            return self._guarded(STEPS[names.PREPARE])
        return self._guarded(step)

    def _guarded(self, act: Callable[[StepContext], StepEnd]) -> StepEnd | None:
        try:
            return self._done(act)
        except WorkerStops:
            return None
        except CancelledByUser:
            return self._guarded(cancel_run_now)
        except PausedByUser:
            return _hold()
        except LeaseLostError:
            raise
        except SchedulerBusyError as exc:
            _LOG.info("run %s waits for room: %s", self.claim.run_id, exc)
            return StepEnd(move=TryAgain(after_s=self.patience.busy_s, counts=False), why=str(exc))
        except Exception as exc:  # noqa: BLE001 - whatever it is, the run says so and others go on
            return trouble.after(exc, self.read(), self.claim, self.patience, self.context)

    def _done(self, act: Callable[[StepContext], StepEnd]) -> StepEnd:
        claim = self.claim
        request = RunRequest.from_json(self.read().request)
        with self.door.open(claim, request) as world:
            context = open_run(
                claim.run_id,
                world.services,
                world.cluster,
                find_root=lambda: self.memory.root(world.cluster),
                store=self.store,
                listener=self.listener,
            )
            self.context = context
            context.signals, context.attempt = self.signals, claim.attempt
            context.patience, context.session = self.patience, self.session
            context.program, context.converter = self.memory.programs(claim)
            context.refusals = self.memory.refusals.get(claim.run_id, 0)
            try:
                end = act(context)
            finally:
                self.memory.keep(claim, context)
            if isinstance(end.move, End | Park):
                self.forget()
            return end

    def forget(self) -> None:
        """Drop what is kept for the run; it is found again if it is wanted again."""
        self.memory.forget(self.claim.run_id)
        with suppress(Exception):
            self.door.forget(self.claim.run_id)


def _hold() -> StepEnd:
    return StepEnd(move=Park(is_wanted=True), decide=WorkflowRun.hold)
