"""``JobHandle``: the status of jobs that run scripts."""

from __future__ import annotations

import time
from typing import Any

import omero
from omero.rtypes import rstring, rtime

from omero_server.call import Call
from omero_server.copies import Copier
from omero_server.dispatch import Service
from omero_server.records import Record
from omero_server.saving import Saving
from omero_server.server import Server
from omero_server.sessions import OpenSession

FINISHED = {"Finished", "Error", "Cancelled"}


class JobHandle(Service):
    """`omero.api.JobHandle`."""

    def __init__(self, server: Server, session: OpenSession) -> None:
        super().__init__(server, session)
        self._attached: Record | None = None

    def submit(self, job: Any, call: Call) -> Any:
        job.status = Copier(call).one(self.server.enumeration("JobStatus", "Submitted"))
        self._attached = Saving(call).save([job])[0]
        return self.jobStatus(call)

    def attach(self, number: int, call: Call) -> Any:
        self._attached = self.records.find("Job", number)
        if self._attached is None:
            raise omero.ApiUsageException(None, None, f"Unknown job: {number}")
        return self.jobStatus(call)

    def getJob(self, call: Call) -> Any:
        return Copier(call).one(self._job)

    def jobStatus(self, call: Call) -> Any:
        return Copier(call).one(self._status)

    def jobFinished(self, _: Call) -> Any:
        return self._job.scalars.get("finished")

    def jobRunning(self, _: Call) -> bool:
        return bool(self._status.get("value") == "Running")

    def jobError(self, _: Call) -> bool:
        return bool(self._status.get("value") == "Error")

    def jobMessage(self, _: Call) -> str:
        return self._job.get("message") or ""

    def setStatus(self, status: str, call: Call) -> str:
        return self.setStatusAndMessage(status, None, call)

    def setStatusAndMessage(self, status: str, message: Any, _: Call) -> str:
        before = str(self._status.get("value"))
        job = self._job
        job.references["status"] = self.server.enumeration("JobStatus", status)
        if message is not None:
            job.scalars["message"] = rstring(message.val)
        if status in FINISHED:
            job.scalars["finished"] = rtime(int(time.time() * 1000))
        self.records.put(job)
        return before

    @property
    def _job(self) -> Record:
        if self._attached is None:
            raise omero.ApiUsageException(None, None, "no job is attached")
        return self._attached

    @property
    def _status(self) -> Record:
        status = self._job.references["status"]
        assert status is not None
        return status
