"""The server that IceGrid starts as ``Processor-0``: omero-py's, with our processes and its own identity."""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.clients
import omero.processor
import omero.util
from omero.util.temp_files import gettempdir
from omero_ext.path import path

from biomero.application.script_settings import ScriptSettings, settings_from
from biomero.entrypoints.processor.kept_script import kept
from biomero.entrypoints.processor.leftovers import clear_folders, end_orphans
from biomero.errors import ConfigurationError

_LOG = logging.getLogger(__name__)
_BEAT_S = 1.0
_BEATS_A_CHECK = 5
"""omero-py itself looks once a minute whether its session is alive."""
_BEATS_A_SUBSCRIPTION = 15
_ENDPOINTS = {
    "BIOMERO_PROCESSOR_ENDPOINTS": "Endpoints",
    "BIOMERO_PROCESSOR_PUBLISHED": "PublishedEndpoints",
}


class ScriptProcessor(omero.processor.ProcessorI):  # type: ignore[misc] # omero-py has no types
    """Runs scripts of OMERO as this worker's settings say.

    IceStorm knows subscribers by their identity: with omero-py's own (``Processor`` everywhere) a second
    worker would never be asked.
    """

    def __init__(self, context: Any, settings: ScriptSettings) -> None:
        # from here on, what is found cannot be a script of ours
        end_orphans(settings)
        home = str(Path.cwd())
        super().__init__(context, cfg=str(Path(home, "etc", "ice.config")), omero_home=path(home))
        self._settings = settings
        self._script = threading.local()
        clear_folders(Path(gettempdir()), settings, _end_job)
        threading.Thread(target=self._look_around, args=(os.getppid(),), daemon=True).start()

    def _look_around(self, node: int) -> None:
        """End when the node has died: it would start another; come back soon to an OMERO that restarted."""
        beat = 0
        while not self.stop_event.wait(_BEAT_S):
            if os.getppid() != node:
                _LOG.warning("the node that started this processor has died")
                self.ctx.communicator.shutdown()
                return
            beat += 1
            if beat % _BEATS_A_CHECK == 0:
                self.ctx.check()
            if beat % _BEATS_A_SUBSCRIPTION == 0:
                self._subscribe_again()

    def _subscribe_again(self) -> None:
        """Say that this processor is there, which changes nothing where that is known.

        IceStorm forgets a subscriber whom a message did not reach. One that was sent to the process before
        this one, of the same identity, may count after this one has subscribed; nobody would tell us.
        """
        if self.prx is None:
            return
        try:
            processor = omero.grid.ProcessorPrx.uncheckedCast(self.prx)
            self.internal_session().sharedResources().addProcessor(processor)
        except Ice.Exception:
            # OMERO is away; a new session subscribes by itself
            _LOG.debug("no subscription", exc_info=True)

    def lookup(self, job: Any) -> tuple[Any, Any]:
        """Remember which script is meant; the same thread chooses its interpreter next."""
        file, handle = super().lookup(job)
        self._script.path = "" if file is None else _text(file.path) + _text(file.name)
        return file, handle

    def find_launcher(self, current: Any) -> tuple[str, Callable[..., Any]]:
        """Choose the interpreter, and put a keeper before it."""
        launcher, process = super().find_launcher(current)
        chosen = self._settings.interpreter_of(getattr(self._script, "path", ""))
        return chosen or launcher, kept(process, self._settings)


def main() -> int:
    """Serve until IceGrid says that it is enough."""
    try:
        settings = settings_from(os.environ)
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    identity = Ice.Identity(f"Processor-{settings.name}", "")
    server = omero.util.Server(
        functools.partial(ScriptProcessor, settings=settings), "ProcessorAdapter", identity
    )
    code: int = server.main(sys.argv, initData=_properties(os.environ))
    return code


def _properties(environment: Mapping[str, str]) -> Any:
    """Return what Ice begins with: IceGrid's properties, but for what only this worker can know.

    Behind NAT, the master's template (``tcp`` at any port) would publish an address that nobody can reach.
    """
    data = Ice.InitializationData()
    data.properties = Ice.createProperties(sys.argv)
    for variable, name in _ENDPOINTS.items():
        if environment.get(variable):
            data.properties.setProperty(f"ProcessorAdapter.{name}", environment[variable])
    return data


def _end_job(config: Path) -> None:
    """Tell OMERO that the job of a script's configuration ended, in that script's own session."""
    client = omero.client([f"--Ice.Config={config}"])
    try:
        session = client.createSession()
        session.detachOnDestroy()
        group = session.getAdminService().getEventContext().groupId
        handle = omero.processor.WithGroup(session.createJobHandle(), group)
        handle.attach(int(client.getProperty("omero.job")))
        if not handle.jobFinished():
            handle.setStatus("Error")
        handle.close()
    except (Ice.Exception, omero.ClientError):
        # its session is over, most likely, and OMERO has ended the job with it
        _LOG.warning("OMERO was not told that the job of %s has ended", config, exc_info=True)
    finally:
        client.closeSession()


def _text(value: Any) -> str:
    return "" if value is None else str(value.val)
