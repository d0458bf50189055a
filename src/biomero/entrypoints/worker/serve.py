"""The worker as a process, from its beginning to its end."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from prometheus_client import CollectorRegistry

from biomero.application.engine_socket import engine_socket
from biomero.bootstrap.worker import WorkerParts, open_worker
from biomero.entrypoints.worker.api.handler import JsonHandler
from biomero.entrypoints.worker.api.preparation import Preparation
from biomero.entrypoints.worker.api.routes import EngineApi
from biomero.entrypoints.worker.api.socket_server import EngineSocket
from biomero.entrypoints.worker.health import STUCK_S, Health
from biomero.entrypoints.worker.http import DEFAULT_ADDRESS, StatusServer
from biomero.entrypoints.worker.keeper import Keeper
from biomero.entrypoints.worker.logs import log_to
from biomero.entrypoints.worker.metrics import QueueMetrics, WorkerMetrics
from biomero.entrypoints.worker.notices import NoticeLoop
from biomero.entrypoints.worker.queue_check import checked_queue
from biomero.entrypoints.worker.service_manager import ServiceManager
from biomero.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
NO_HTTP = "none"


def serve(config: Path | None, *, log_format: str | None, http_address: str | None) -> None:
    """Drive everybody's runs until a signal says to stop.

    The first signal lets steps come to a safe place, which takes half a minute at most; a second one ends
    the process at once. Nothing is lost either way.

    Parameters
    ----------
    log_format, http_address
        In the place of what the settings say.

    Raises
    ------
    ConfigurationError
        If the settings are wrong, or nobody can listen at the address.
    WorkerRunningError
        If the database is for one worker, and has one.
    RecordError
        If the database cannot be used.
    """
    manager, registry = ServiceManager(), CollectorRegistry()
    metrics = WorkerMetrics(registry)
    with open_worker(config, on_step=metrics.note_step) as parts, ExitStack() as stack:
        settings = parts.configuration.current()
        log_to(style=log_format or settings.worker.log_format)
        for warning in settings.warnings:
            _LOG.warning("%s", warning)
        stack.enter_context(_signals(parts, manager))
        health = Health()
        registry.register(QueueMetrics(parts.services.queue, barred=parts.door.barred))
        address = _listen(stack, http_address or settings.worker.http_address, health, registry)
        keeper = Keeper(parts, manager, metrics, health, address=address)
        health.lives["engine"] = lambda: _stuck(parts)
        health.lives["keeper"] = keeper.beat.check
        health.ready["queue"] = keeper.obstacle
        stack.enter_context(checked_queue(parts.services))
        _hear_scripts(stack, parts)
        stack.enter_context(NoticeLoop(parts, metrics).rounds)
        stack.enter_context(keeper)
        _LOG.info("worker %s begins", parts.services.worker)
        parts.engine.run()
    _LOG.info("the worker has ended")


def _hear_scripts(stack: ExitStack, parts: WorkerParts) -> None:
    """Answer programs of this machine; where there can be no socket, runs go on all the same."""
    settings = parts.configuration.current()
    path = settings.worker.socket or engine_socket(settings.state_folder)
    api = EngineApi(parts.worlds, parts.worlds.examine, Preparation(parts.worlds.prepare))
    try:
        stack.enter_context(EngineSocket(path, type("_Bound", (JsonHandler,), {"api": api})))
    except ConfigurationError as exc:
        if settings.worker.socket is not None:
            raise
        _LOG.warning("scripts of OMERO do not find the engine: %s", exc)


def _stuck(parts: WorkerParts) -> str | None:
    age = time.monotonic() - parts.engine.ticked_at
    return None if age <= STUCK_S else f"did not come round for {age:.0f} s"


def _listen(stack: ExitStack, wanted: str | None, health: Health, registry: CollectorRegistry) -> str | None:
    """Answer over HTTP where that is wanted; at the usual address only if it is free."""
    if wanted == NO_HTTP:
        return None
    try:
        return stack.enter_context(StatusServer(wanted or DEFAULT_ADDRESS, health, registry)).address
    except ConfigurationError as exc:
        if wanted is not None:
            raise
        _LOG.warning("no /metrics, /healthz and /readyz: %s", exc)
        return None


@contextmanager
def _signals(parts: WorkerParts, manager: ServiceManager) -> Iterator[None]:
    """Stop at the first signal, and end at the second."""
    heard: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        if heard:
            os._exit(128 + number)
        heard.append(number)
        manager.stopping()
        parts.engine.stop()
        # a log call from here could wait for a lock that this very thread holds
        os.write(2, b"the worker stops; a second signal ends it at once\n")

    before = {number: signal.signal(number, hear) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
