"""``RawFileStore``: the bytes of original files."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import omero
from omero.rtypes import rlong, rstring

from omero_server import rights
from omero_server.call import Call
from omero_server.copies import Copier, Fetched
from omero_server.dispatch import Service
from omero_server.records import Record
from omero_server.server import Server
from omero_server.sessions import OpenSession


class RawFiles(Service):
    """`omero.api.RawFileStore`."""

    def __init__(self, server: Server, session: OpenSession) -> None:
        super().__init__(server, session)
        self._record: Record | None = None

    def setFileId(self, number: int, call: Call) -> None:
        record = self.records.find("OriginalFile", number)
        if record is None:
            raise omero.ResourceError(None, None, f"No file with id {number}")
        if not rights.can_read(call, record):
            raise omero.SecurityViolation(None, None, f"Cannot read {record}")
        self._record = record

    def getFileId(self, _: Call) -> Any:
        return rlong(self._file.id)

    def exists(self, _: Call) -> bool:
        return self._path.exists()

    def size(self, _: Call) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def read(self, start: int, count: int, _: Call) -> bytes:
        if not self._path.exists():
            raise omero.ResourceError(None, None, f"{self._path} is not there")
        with self._path.open("rb") as file:
            file.seek(start)
            return file.read(count)

    def write(self, data: bytes, start: int, count: int, call: Call) -> None:
        self._check_writable(call)
        self._path.touch()
        with self._path.open("r+b") as file:
            file.seek(start)
            file.write(data[:count])

    def truncate(self, size: int, call: Call) -> bool:
        self._check_writable(call)
        self._path.touch()
        with self._path.open("r+b") as file:
            if size >= self._path.stat().st_size:
                return False
            file.truncate(size)
        return True

    def save(self, call: Call) -> Any:
        self._check_writable(call)
        data = self._path.read_bytes() if self._path.exists() else b""
        file = self._file
        file.scalars["size"] = rlong(len(data))
        file.scalars["hash"] = rstring(hashlib.sha1(data).hexdigest())  # noqa: S324 - OMERO's default
        file.references["hasher"] = self.server.enumeration("ChecksumAlgorithm", "SHA1-160")
        file.updated = call.writing()
        self.records.put(file)
        fetched = Fetched()
        fetched.load(file.references["hasher"])
        return Copier(call, fetched).one(file)

    @property
    def _file(self) -> Record:
        if self._record is None:
            raise omero.ApiUsageException(None, None, "no file was set")
        return self._record

    @property
    def _path(self) -> Path:
        return self.server.file_path(self._file)

    def _check_writable(self, call: Call) -> None:
        if not rights.may(call, self._file, rights.Scope.EDIT):
            raise omero.SecurityViolation(None, None, f"Cannot write to {self._file}")
