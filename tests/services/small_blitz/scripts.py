"""Scripts: a processor is found by asking all that subscribed, and gets the job."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import IceGrid
import IceStorm
import omero
import omero.model
from omero.rtypes import rmap, robject

from services.small_blitz.dispatch import servant
from services.small_blitz.store import GROUP, USERS, File, Job, Session, Store

_TOPIC = "/internal/ProcessorAccept"


class Processors:
    """Those that subscribed at the real IceStorm; nothing about them is kept here."""

    def __init__(self, communicator: Any, adapter: Any) -> None:
        self._communicator = communicator
        self._adapter = adapter

    def subscribe(self, processor: Any) -> None:
        try:
            self._topic().subscribeAndGetPublisher({}, processor)
        except IceStorm.AlreadySubscribed:  # OMERO's server takes no notice of it, either
            return

    def find(self, job: Any, seconds: float) -> Any:
        """Return the first that accepts a job."""
        answer = _Acceptance()
        proxy = self._adapter.addWithUUID(servant(omero.grid.ProcessorCallback, answer))
        direct = self._adapter.createDirectProxy(proxy.ice_getIdentity())
        try:
            topic = omero.grid.ProcessorPrx.uncheckedCast(self._topic().getPublisher().ice_oneway())
            topic.willAccept(
                omero.model.ExperimenterI(USERS["alice"], False),
                omero.model.ExperimenterGroupI(GROUP, False),
                job,
                omero.grid.ProcessorCallbackPrx.uncheckedCast(direct),
            )
            if not answer._came.wait(seconds):  # what has no underscore is an operation
                raise omero.NoProcessorAvailable(None, None, "no processor answered", 0)
        finally:
            self._adapter.remove(proxy.ice_getIdentity())
        return answer._processor

    def _topic(self) -> Any:
        query = IceGrid.QueryPrx.checkedCast(self._communicator.stringToProxy("IceGrid/Query"))
        manager = IceStorm.TopicManagerPrx.checkedCast(
            query.findAllObjectsByType("::IceStorm::TopicManager")[0]
        )
        try:
            return manager.create(_TOPIC)
        except IceStorm.TopicExists:
            return manager.retrieve(_TOPIC)


class _Acceptance:
    """`omero.grid.ProcessorCallback`."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._processor: Any = None

    def isProxyAccepted(self, accepted: bool, _session: str, processor: Any) -> None:
        if accepted and not self._came.is_set():
            self._processor = processor
            self._came.set()


class SharedResources:
    """`omero.grid.SharedResources`."""

    def __init__(self, processors: Processors) -> None:
        self._processors = processors

    def addProcessor(self, processor: Any) -> None:
        self._processors.subscribe(processor)


class Scripts:
    """`omero.api.IScript`."""

    def __init__(
        self, store: Store, processors: Processors, session: Session, serve: Callable[..., Any]
    ) -> None:
        self._store = store
        self._processors = processors
        self._session = session
        self._serve = serve

    def uploadOfficialScript(self, path: str, text: str) -> int:
        return self._store.add_file(path, text.encode()).id

    def deleteScript(self, number: int) -> None:
        del self._store.files[number]

    def getScriptText(self, number: int) -> str:
        return self._store.files[number].content.decode()

    def validateScript(self, job: Any, _accepts: Any) -> Any:
        return self._store.jobs[job.id.val].script.model()

    def getParams(self, number: int) -> Any:
        job = self._store.add_job(self._store.files[number], is_parsing=True)
        processor = self._processors.find(job.model(), 10)
        own = self._store.open_session("root")
        return processor.parseJob(own.uuid, job.model(), _context())

    def runScript(self, number: int, inputs: dict[str, Any], wait: Any) -> Any:
        file: File = self._store.files[number]
        params = self.getParams(number)
        job = self._store.add_job(file, is_parsing=False)
        processor = self._processors.find(job.model(), wait.val if wait else 5)
        own = self._store.open_session(self._session.user)
        own.inputs.update(inputs)
        process = processor.processJob(own.uuid, params, job.model(), _context())
        running = Running(process, job, own)
        return omero.grid.ScriptProcessPrx.uncheckedCast(
            self._serve(servant(omero.grid.ScriptProcess, running))
        )


def _context() -> dict[str, str]:
    return {"omero.launcher": "", "omero.process": "omero.processor.ProcessI"}


class Running:
    """`omero.grid.ScriptProcess`."""

    def __init__(self, process: Any, job: Job, session: Session) -> None:
        self._process = process
        self._job = job
        self._session = session

    def getJob(self) -> Any:
        return omero.model.ScriptJobI(self._job.id, False)

    def poll(self) -> Any:
        return self._process.poll()

    def cancel(self) -> bool:
        return bool(self._process.cancel())

    def kill(self) -> bool:
        return bool(self._process.kill())

    def getResults(self, _wait: int) -> dict[str, Any]:
        if self._process.poll() is None:
            raise omero.ApiUsageException(None, None, "it still runs")
        files = {
            name: robject(omero.model.OriginalFileI(file.id, False))
            for name, file in self._job.printed.items()
        }
        return {**rmap(self._session.outputs).val, **files}

    def close(self, _detach: bool) -> None:
        """The job stays."""
