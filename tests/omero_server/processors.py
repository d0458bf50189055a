"""Finding a processor for a job: all that are there are asked, and the first that accepts gets it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import Ice
import IceGrid
import IceStorm
import omero
import omero.grid

from omero_server.copies import Copier, unloaded

if TYPE_CHECKING:
    from omero_server.call import Call
    from omero_server.records import Record

_TOPIC = "/internal/ProcessorAccept"


class Processors:
    """Those that subscribed: at the grid's IceStorm if there is a grid, else at this server itself."""

    def __init__(self, communicator: Any, adapter: Any, *, in_grid: bool) -> None:
        self._communicator = communicator
        self._adapter = adapter
        self._in_grid = in_grid
        self._own: dict[str, Any] = {}

    def add(self, processor: Any) -> None:
        """Let a processor be asked."""
        if not self._in_grid:
            self._own[self._communicator.identityToString(processor.ice_getIdentity())] = processor
            return
        try:
            self._topic().subscribeAndGetPublisher({}, processor)
        except IceStorm.AlreadySubscribed:  # OMERO's server takes no notice of it, either
            return

    def remove(self, processor: Any) -> None:
        """Let a processor be asked no more."""
        self._own.pop(self._communicator.identityToString(processor.ice_getIdentity()), None)

    def find(self, call: Call, job: Record, seconds: float) -> Any:
        """Return the first that accepts a job.

        Raises
        ------
        omero.NoProcessorAvailable
            If none does in time.
        """
        from omero_server.dispatch import bare_servant  # noqa: PLC0415 - it needs the server's types

        answer = _Acceptance()
        proxy = self._adapter.addWithUUID(bare_servant(omero.grid.ProcessorCallback, answer))
        direct = self._adapter.createDirectProxy(proxy.ice_getIdentity())
        group = call.server.records.find("ExperimenterGroup", call.writing_group)
        assert group is not None
        asked = (
            unloaded(call.user),
            unloaded(group),
            Copier(call).one(job),
            omero.grid.ProcessorCallbackPrx.uncheckedCast(direct),
        )
        try:
            for target in self._targets():
                omero.grid.ProcessorPrx.uncheckedCast(target.ice_oneway()).willAccept(*asked)
            if not answer.came.wait(seconds):
                raise omero.NoProcessorAvailable(None, None, "No processor available! [0 response(s)]", 0)
        finally:
            self._adapter.remove(proxy.ice_getIdentity())
        return omero.grid.ProcessorPrx.uncheckedCast(answer.processor)

    def _targets(self) -> list[Any]:
        return [self._topic().getPublisher()] if self._in_grid else list(self._own.values())

    def _topic(self) -> Any:
        query = IceGrid.QueryPrx.checkedCast(self._communicator.stringToProxy("IceGrid/Query"))
        found = query.findAllObjectsByType("::IceStorm::TopicManager")
        manager = IceStorm.TopicManagerPrx.checkedCast(found[0])
        try:
            return manager.create(_TOPIC)
        except IceStorm.TopicExists:
            return manager.retrieve(_TOPIC)


class _Acceptance:
    """`omero.grid.ProcessorCallback`."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.processor: Ice.ObjectPrx | None = None

    def isProxyAccepted(self, is_accepted: bool, _session: str, processor: Any, _: Any) -> None:
        if is_accepted and not self.came.is_set():
            self.processor = processor
            self.came.set()
