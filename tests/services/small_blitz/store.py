"""What the small server remembers: sessions, files and jobs. Everything ends with its process."""

from __future__ import annotations

import hashlib
import itertools
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

import omero
import omero.model
from omero.rtypes import rlong, rstring

GROUP = 3
USERS = {"root": 0, "alice": 2}
PASSWORD = "a password of tests"
FINISHED = {"Finished", "Error", "Cancelled"}


@dataclass(slots=True)
class Session:
    """A session of somebody."""

    user: str
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class File:
    """A file with its bytes."""

    id: int
    name: str
    path: str
    content: bytearray = field(default_factory=bytearray)

    def model(self) -> Any:
        file = omero.model.OriginalFileI(self.id, True)
        file.name, file.path = rstring(self.name), rstring(self.path)
        file.mimetype, file.size = rstring("text/x-python"), rlong(len(self.content))
        file.hash = rstring(hashlib.sha1(self.content).hexdigest())  # noqa: S324 - what OMERO compares
        return file


@dataclass(slots=True)
class Job:
    """A job: running a script, or reading its parameters."""

    id: int
    script: File
    is_parsing: bool
    status: str = "Waiting"
    statuses: list[str] = field(default_factory=list)
    printed: dict[str, File] = field(default_factory=dict)

    def model(self) -> Any:
        kind = omero.model.ParseJobI if self.is_parsing else omero.model.ScriptJobI
        job = kind(self.id, True)
        job.details.group = omero.model.ExperimenterGroupI(GROUP, False)
        job.details.owner = omero.model.ExperimenterI(USERS["alice"], False)
        return job

    def become(self, status: str) -> str:
        before, self.status = self.status, status
        self.statuses.append(status)
        return before


class Store:
    """All of it, by id."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sessions: dict[str, Session] = {}
        self.files: dict[int, File] = {}
        self.jobs: dict[int, Job] = {}
        self._ids = itertools.count(100)

    def open_session(self, user: str) -> Session:
        session = Session(user)
        self.sessions[session.uuid] = session
        return session

    def session(self, key: str) -> Session:
        if key not in self.sessions:
            raise omero.RemovedSessionException(None, None, f"no session {key}")
        return self.sessions[key]

    def add_file(self, path: str, content: bytes = b"") -> File:
        folder, _, name = path.rpartition("/")
        file = File(next(self._ids), name, f"{folder}/" if folder else "", bytearray(content))
        self.files[file.id] = file
        return file

    def add_job(self, script: File, *, is_parsing: bool) -> Job:
        job = Job(next(self._ids), script, is_parsing)
        self.jobs[job.id] = job
        return job
