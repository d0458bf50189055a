"""``IScript``: scripts are uploaded, read, and run by a processor."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import omero
import omero.grid
import omero.model
from omero.rtypes import rlong, robject, rstring, rtime

from omero_server import image_records, rights
from omero_server.call import Call
from omero_server.copies import Copier, unloaded
from omero_server.dispatch import Service, servant
from omero_server.records import Record
from omero_server.sessions import OpenSession

_PARSE_S = 10
_WAIT_S = 5
_LIVE_S = 3600


class Scripts(Service):
    """`omero.api.IScript`. Calls wait for processors, which call this server in turn: they do not lock."""

    locks = False

    def uploadOfficialScript(self, path: str, text: str, call: Call) -> int:
        if "WriteScriptRepo" not in call.privileges:
            raise omero.SecurityViolation(None, None, "only administrators upload official scripts")
        return self._upload(path, text, call)

    def uploadScript(self, path: str, text: str, call: Call) -> int:
        return self._upload(path, text, call)

    def editScript(self, thing: Any, text: str, call: Call) -> None:
        with self.server.lock:
            file = self._file(thing.id.val)
            if not rights.may(call, file, rights.Scope.EDIT):
                raise omero.SecurityViolation(None, None, f"Updating {file} not allowed.")
            self._write(file, text)

    def deleteScript(self, number: int, call: Call) -> None:
        with self.server.lock:
            file = self._file(number)
            if not rights.may(call, file, rights.Scope.DELETE):
                raise omero.SecurityViolation(None, None, f"Deleting {file} not allowed.")
            for attribute, other in self.records.all_referring(file):
                other.references[attribute] = None
                self.records.put(other)
            self.records.remove(file)
            self.records.commit()

    def getScripts(self, call: Call) -> list[Any]:
        with self.server.lock:
            files = self.records.all("OriginalFile")
            return Copier(call).all(f for f in files if f.get("mimetype") == "text/x-python")

    def getScriptID(self, path: str, _: Call) -> int:
        with self.server.lock:
            files = self.records.all("OriginalFile")
            return next((f.id for f in files if f.get("path") + f.get("name") == path), -1)

    def getScriptText(self, number: int, _: Call) -> str:
        with self.server.lock:
            return self.server.file_path(self._file(number)).read_text()

    def canRunScript(self, number: int, _: Call) -> bool:
        return self.records.find("OriginalFile", number) is not None

    def validateScript(self, job: Any, _accepts: Any, call: Call) -> Any:
        with self.server.lock:
            record = self.records.find("Job", job.id.val)
            return None if record is None else Copier(call).one(self._script(record))

    def getParams(self, number: int, call: Call) -> Any:
        with self.server.lock:
            own = self.server.sessions.open(self._root, idle_s=0, live_s=_LIVE_S)
            by_root = self.server.sessions.call(own, None)
        job = self._job("ParseJob", self._file(number), by_root)
        processor = self.server.processors.find(by_root, job, _PARSE_S)
        return processor.parseJob(own.uuid, Copier(by_root).one(job), _context(call))

    def runScript(self, number: int, inputs: dict[str, Any], wait: Any, call: Call) -> Any:
        params = self.getParams(number, call)
        job = self._job("ScriptJob", self._file(number), call)
        processor = self.server.processors.find(call, job, wait.val if wait else _WAIT_S)
        with self.server.lock:
            own = self.server.sessions.open(call.user, group=call.writing_group, idle_s=0, live_s=_LIVE_S)
        own.inputs.update(inputs)
        process = processor.processJob(own.uuid, params, Copier(call).one(job), _context(call))
        running = Running(self.server, self.session)
        running.watch(process, job, own)
        made = servant(omero.grid.ScriptProcess, running)
        proxy = self.server.serve(made, self.session, call.current.id.category)
        return omero.grid.ScriptProcessPrx.uncheckedCast(proxy)

    @property
    def _root(self) -> Record:
        root = self.server.accounts.user("root")
        assert root is not None
        return root

    def _upload(self, path: str, text: str, call: Call) -> int:
        with self.server.lock:
            folder, _, name = path.rpartition("/")
            file = image_records.new(call, "OriginalFile", name=rstring(name), path=rstring(f"{folder}/"))
            file.scalars["mimetype"] = rstring("text/x-python")
            file.group = rights.USER_GROUP
            self._write(file, text)
            return file.id

    def _write(self, file: Record, text: str) -> None:
        data = text.encode()
        self.server.file_path(file).write_bytes(data)
        file.scalars["size"] = rlong(len(data))
        file.scalars["hash"] = rstring(hashlib.sha1(data).hexdigest())  # noqa: S324 - what OMERO compares
        self.records.put(file)
        self.records.commit()

    def _job(self, name: str, file: Record, call: Call) -> Record:
        with self.server.lock:
            now = rtime(int(time.time() * 1000))
            job = image_records.new(call, name, submitted=now, scheduledFor=now, message=rstring(""))
            job.scalars["username"] = rstring(call.user.get("omeName"))
            job.references["status"] = self.server.enumeration("JobStatus", "Waiting")
            self.records.put(job)
            image_records.link(call, "JobOriginalFileLink", job, file)
            self.records.commit()
            return job

    def _file(self, number: int) -> Record:
        found = self.records.find("OriginalFile", number)
        if found is None:
            raise omero.ApiUsageException(None, None, f"no script {number}")
        return found

    def _script(self, job: Record) -> Record:
        for link in self.records.collection(job, "originalFileLinks"):
            child = link.references["child"]
            if child is not None and str(child.get("mimetype")).startswith("text/x-python"):
                return child
        raise omero.ApiUsageException(None, None, f"{job} has no script")


def _context(call: Call) -> dict[str, str]:
    settings = call.server.settings
    return {
        "omero.launcher": settings.get("omero.launcher.python", ""),
        "omero.process": settings.get("omero.process.python", "omero.processor.ProcessI"),
    }


class Running(Service):
    """`omero.grid.ScriptProcess`."""

    locks = False
    _process: Any
    _job: Record
    _own: OpenSession

    def watch(self, process: Any, job: Record, own: OpenSession) -> None:
        """Say what runs."""
        self._process, self._job, self._own = process, job, own

    def getJob(self, _: Call) -> Any:
        return omero.model.ScriptJobI(self._job.id, False)

    def poll(self, _: Call) -> Any:
        return self._process.poll()

    def wait(self, _: Call) -> int:
        return int(self._process.wait())

    def cancel(self, _: Call) -> bool:
        return bool(self._process.cancel())

    def kill(self, _: Call) -> bool:
        return bool(self._process.kill())

    def registerCallback(self, callback: Any, _: Call) -> None:
        self._process.registerCallback(callback)

    def unregisterCallback(self, callback: Any, _: Call) -> None:
        self._process.unregisterCallback(callback)

    def getResults(self, _wait: int, _: Call) -> dict[str, Any]:
        if self._process.poll() is None:
            raise omero.ApiUsageException(None, None, "Process still running.")
        found = dict(self._own.outputs)
        with self.server.lock:
            for link in self.records.collection(self._job, "originalFileLinks"):
                child = link.references["child"]
                if child is not None and child.get("name") in {"stdout", "stderr"}:
                    found[child.get("name")] = robject(unloaded(child))
        return found

    def close(self, *arguments: Any) -> None:
        """The job goes on; ``detach`` says nothing here."""
        super().close(arguments[-1])
