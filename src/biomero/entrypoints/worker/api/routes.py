"""What can be asked, and who may ask it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biomero.application.doctor.findings import Finding
from biomero.application.offer_workflows import offer_workflows
from biomero.application.order_once import OrderKey, OrderOnce
from biomero.application.own_runs import own_run, own_runs, visible_runs
from biomero.application.read_logs import read_logs
from biomero.application.request_cancel import request_cancel
from biomero.application.run_request import RunRequest
from biomero.application.why_waiting import why_waiting
from biomero.domain.omero import OmeroUser
from biomero.domain.parameters import nearest
from biomero.domain.workflow_run import WorkflowRun
from biomero.entrypoints.worker.api.answers import check_answer, run_answer, workflow_answer
from biomero.entrypoints.worker.api.errands import Asked, accept_errand
from biomero.entrypoints.worker.api.handler import Request
from biomero.entrypoints.worker.api.order_json import read_order
from biomero.entrypoints.worker.api.preparation import Preparation
from biomero.entrypoints.worker.api.worlds import Worlds
from biomero.errors import ConfigurationError, OmeroLoginError, OmeroPermissionError, UnknownWorkflowError

_CHECKED_FOR_S = 60.0
_MOST_RUNS = 50
_LOG_BYTES = 64 * 1024


@dataclass(slots=True)
class EngineApi:
    """Answers; safe to be asked by many threads.

    Parameters
    ----------
    examine
        Looks whether all is well.
    preparation
        Makes clusters ready, for administrators.
    """

    worlds: Worlds
    examine: Callable[[], Sequence[Finding]]
    preparation: Preparation
    once: OrderOnce = field(default_factory=OrderOnce)
    _checking: threading.Lock = field(default_factory=threading.Lock)
    _checked: tuple[float, Mapping[str, Any]] | None = None

    def answer(self, request: Request) -> Mapping[str, Any]:  # noqa: PLR0911 - a table of cases
        """See `Api.answer`."""
        match request.method, request.path:
            case "GET", ("workflows",):
                return {"workflows": [workflow_answer(w) for w in offer_workflows(self.worlds.now())]}
            case "GET", ("check",):
                self._who(request)
                return self._check()
            case "GET" | "POST", ("prepare",):
                return self._prepare(request)
            case "GET", ("runs",):
                return self._list(request)
            case "POST", ("runs",):
                return self._order(request)
            case "POST", (("imports" | "transfers" | "conversions" | "files") as what,):
                return self._errand(request, what)
            case "GET", ("runs", run_id):
                return self._show(self._run(request, run_id)[1])
            case "GET", ("runs", run_id, "logs"):
                return self._logs(self._run(request, run_id)[1])
            case "POST", ("runs", run_id, "cancel"):
                return self._cancel(*self._run(request, run_id))
            case _:
                raise LookupError(request.path)

    def _who(self, request: Request) -> OmeroUser:
        identity = self.worlds.now().identity
        if identity is None:
            raise ConfigurationError("no OMERO is configured for the worker: [OMERO] needs host and user")
        if not request.session:
            raise OmeroLoginError("nobody knows who asks: the request has no session of OMERO")
        return identity.user_of(request.session)

    def _server(self) -> str:
        omero = self.worlds.now().omero
        return "" if omero is None else omero.address

    def _run(self, request: Request, text: str) -> tuple[OmeroUser, WorkflowRun]:
        user = self._who(request)
        services = self.worlds.now()
        return user, own_run(text, user, services, server=self._server())

    def _order(self, request: Request) -> Mapping[str, Any]:
        user = self._who(request)
        asked = read_order(request.body, user)
        services = self.worlds.for_workflow(asked.order.workflow)
        names = services.workflows.names()
        if asked.order.workflow not in names:  # the catalogue would look for a file of that name, too
            raise UnknownWorkflowError(
                f"no workflow {asked.order.workflow!r}; {nearest(asked.order.workflow, names)}"
            )
        key = OrderKey(server=self._server(), user_id=user.id, text=asked.key)
        run_id, is_new = self.once(key, asked.order, services, version=asked.version)
        run = services.record.get(run_id)
        notes = []
        if asked.order.resources.extra and services.settings.cluster.is_local:
            notes.append("no e-mail is sent: this workflow runs on the worker's own machine, without Slurm")
        return {**self._show(run), "is_new": is_new, "notes": notes}

    def _errand(self, request: Request, what: str) -> Mapping[str, Any]:
        asked = Asked(worlds=self.worlds, user=self._who(request), server=self._server(), body=request.body)
        accepted = accept_errand(what, asked, self.once)
        if accepted.run_id is None:
            return {"sentence": accepted.sentence}
        run = self.worlds.now().record.get(accepted.run_id)
        return {**self._show(run), "is_new": accepted.is_new, "notes": []}

    def _show(self, run: WorkflowRun) -> Mapping[str, Any]:
        services = self.worlds.now()
        return run_answer(run, services.record, waits_for=why_waiting(run, services.queue))

    def _list(self, request: Request) -> Mapping[str, Any]:
        user, services = self._who(request), self.worlds.now()
        wanted, server = request.query.get("user", ""), self._server()
        if wanted:
            by = None if wanted == "*" else wanted
            runs = visible_runs(user, services, server=server, most=_MOST_RUNS, requested_by=by)
        else:
            runs = own_runs(user, services, server=server, most=_MOST_RUNS)
        return {"runs": [self._show(run) for run in runs]}

    def _cancel(self, user: OmeroUser, run: WorkflowRun) -> Mapping[str, Any]:
        RunRequest.from_json(run.request)  # a run that a script drives cannot be ended from here
        had_ended = run.status.is_final
        run = request_cancel(run.run_id, self.worlds.now(), requested_by=user.name)
        return {**self._show(run), "had_ended": had_ended}

    def _logs(self, run: WorkflowRun) -> Mapping[str, Any]:
        services = self.worlds.for_run(RunRequest.from_json(run.request))
        files = read_logs(run.run_id, services, lambda: services.clusters.open(services.settings.cluster))
        return {**self._show(run), "logs": {file.name: _tail(file) for file in files}}

    def _prepare(self, request: Request) -> Mapping[str, Any]:
        user = self._who(request)
        if not user.is_admin:
            raise OmeroPermissionError(
                f"only administrators of OMERO with all privileges prepare clusters, not {user.name}"
            )
        if request.method == "POST":
            self.preparation.begin()
        return self.preparation.document()

    def _check(self) -> Mapping[str, Any]:
        """Examine; what was found a moment ago still holds, so that clicking often costs nothing."""
        with self._checking:
            if self._checked is None or time.monotonic() - self._checked[0] > _CHECKED_FOR_S:
                self._checked = (time.monotonic(), check_answer(self.examine()))
            return self._checked[1]


def _tail(file: Path) -> str:
    with file.open("rb") as log:
        log.seek(max(0, file.stat().st_size - _LOG_BYTES))
        return log.read().decode(errors="replace")
