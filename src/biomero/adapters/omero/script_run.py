"""Run a script as OMERO's users do, from inside the grid, and leave nothing behind."""

from __future__ import annotations

import time
import uuid
from typing import Any

from biomero.errors import OmeroScriptError, OmeroUnavailableError

_EVERY_S = 0.2
_WAIT_FOR_PROCESSOR_S = 10


def run_official_script(communicator: Any, text: str, *, timeout_s: float) -> str:
    """Return what a script printed.

    Raises
    ------
    OmeroUnavailableError
        If OMERO.server is not in the grid.
    OmeroScriptError
        If the script was not run, failed, or did not end in time.
    """
    import omero.clients  # its slice definitions are loaded by that

    session = _session(communicator)
    try:
        scripts = session.getScriptService()
        # only an administrator's scripts run everywhere; each examination has a name of its own
        script = scripts.uploadOfficialScript(f"/biomero/doctor_{uuid.uuid4().hex}.py", text)
        try:
            return _run(session, scripts, script, timeout_s)
        finally:
            scripts.deleteScript(script)
    except omero.ServerError as exc:
        raise OmeroScriptError(f"OMERO says {type(exc).__name__}: {exc.message}") from exc
    finally:
        session.destroy()


def _session(communicator: Any) -> Any:
    import Glacier2
    import IceGrid
    import omero.clients  # its slice definitions are loaded by that
    import omero.ObjectFactoryRegistrar
    import omero.rtypes

    omero.ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
    for factory in omero.rtypes.ObjectFactories.values():
        factory.register(communicator)
    query = IceGrid.QueryPrx.checkedCast(communicator.stringToProxy("IceGrid/Query"))
    managers = query.findAllObjectsByType("::Glacier2::SessionManager")
    if not managers:
        raise OmeroUnavailableError("OMERO.server (Blitz) is not in the grid")
    manager = Glacier2.SessionManagerPrx.checkedCast(managers[0])
    return omero.api.ServiceFactoryPrx.checkedCast(manager.create("root", None))


def _run(session: Any, scripts: Any, script: int, timeout_s: float) -> str:
    from omero.rtypes import rint

    process = scripts.runScript(script, {}, rint(_WAIT_FOR_PROCESSOR_S))
    deadline = time.monotonic() + timeout_s
    while (code := process.poll()) is None:
        if time.monotonic() > deadline:
            process.kill()
            raise OmeroScriptError(f"the script did not end within {timeout_s:g} s")
        time.sleep(_EVERY_S)
    printed = _printed(session, process.getResults(0))
    if code.val != 0:
        raise OmeroScriptError(
            f"the script ended with exit code {code.val}: {printed.get('stderr', '')[-500:]}"
        )
    return printed.get("stdout", "")


def _printed(session: Any, results: Any) -> dict[str, str]:
    texts = {}
    for name in ("stdout", "stderr"):
        if name in results:
            store = session.createRawFileStore()
            store.setFileId(results[name].val.id.val)
            texts[name] = store.read(0, store.size()).decode(errors="replace")
            store.close()
    return texts
