"""What all services of the test server share."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.model
from omero.rtypes import rint, rstring

from omero_server.accounts import Accounts
from omero_server.call import Call
from omero_server.faults import Faults
from omero_server.pixel_files import BIT_SIZES, PixelFiles
from omero_server.processors import Processors
from omero_server.records import Record, Records
from omero_server.rights import ALL_PRIVILEGES
from omero_server.sessions import OpenSession, Sessions

_ENUMERATIONS = {
    "DimensionOrder": "XYZCT XYZTC XYCTZ XYCZT XYTCZ XYTZC",
    "ChecksumAlgorithm": "Adler-32 CRC-32 MD5-128 Murmur3-32 Murmur3-128 SHA1-160 File-Size-64",
    "JobStatus": "Submitted Resubmitted Queued Requeued Running Error Waiting Finished Cancelled",
    "EventType": "Import Internal Shutdown User Task Test Processing FullText Sessions",
    "RenderingModel": "rgb greyscale",
    "Family": "linear polynomial exponential logarithmic",
    "Format": "TIFF OMETiff OMEXML FakeImage DV",
    "AdminPrivilege": " ".join(sorted(ALL_PRIVILEGES)),
}


class Server:
    """The state of a server; what is in its folder survives it.

    Parameters
    ----------
    adapter
        Where the servants are.
    routers
        The proxies of its router: with TLS and, after that, without it.
    """

    def __init__(
        self,
        folder: Path,
        communicator: Any,
        adapter: Any,
        *,
        password: str,
        idle_s: float,
        in_grid: bool = False,
    ) -> None:
        self.folder = folder
        self.communicator = communicator
        self.adapter = adapter
        self.lock = threading.RLock()
        self.records = Records(folder / "records.sqlite")
        self.accounts = Accounts(self.records)
        self.faults = Faults()
        self.sessions = Sessions(self, idle_s=idle_s)
        self.pixels = PixelFiles(folder / "Pixels")
        self.processors = Processors(communicator, adapter, in_grid=in_grid)
        self.files = folder / "Files"
        self.repository = folder / "ManagedRepository"
        for made in (self.files, self.repository):
            made.mkdir(exist_ok=True)
        self.settings: dict[str, str] = {}
        self._enumerations: dict[tuple[str, str], Record] = {}
        if self.accounts.user("root") is None:
            self.accounts.make_first(password)
            self._make_enumerations()
            self.records.commit()

    def call(self, session: OpenSession, current: Any) -> Call:
        """Return a call that is made in a session, in a group that its caller is in."""
        call = self.sessions.call(session, current)
        self.sessions.check_group(call)
        return call

    def serve(self, servant: Any, session: OpenSession, category: str, name: str = "") -> Any:
        """Put a servant of a session where its clients find it; return its proxy."""
        identity = Ice.Identity(name or Ice.generateUUID(), category)
        session.services.add(identity)
        return self.adapter.add(servant, identity)

    def forget(self, identity: Any) -> None:
        """Take a servant away, if it is there."""
        try:
            self.adapter.remove(identity)
        except (Ice.NotRegisteredException, Ice.ObjectAdapterDeactivatedException):
            return

    def enumeration(self, name: str, value: str) -> Record:
        """Return an enumeration's value.

        Raises
        ------
        omero.ApiUsageException
            If it has none of that name.
        """
        found = self._enumerations.get((name, value))
        if found is None:
            found = next((e for e in self.records.all(name) if e.get("value") == value), None)
            if found is None:
                raise omero.ApiUsageException(None, None, f"no {name} {value}")
            self._enumerations[name, value] = found
        return found

    def file_path(self, file: Record) -> Path:
        """Return where the bytes of an original file are."""
        if file.get("repo") is not None:
            return self.repository / str(file.get("path")).lstrip("/") / str(file.get("name"))
        return self.files / str(file.id)

    def _make_enumerations(self) -> None:
        for name, text in _ENUMERATIONS.items():
            for value in text.split():
                self._put_enumeration(name, value)
        for value, bits in BIT_SIZES.items():
            self._put_enumeration("PixelsType", value).scalars["bitSize"] = rint(bits)

    def _put_enumeration(self, name: str, value: str) -> Record:
        made = self.records.new(name)
        made.scalars["value"] = rstring(value)
        self.records.put(made)
        return made
