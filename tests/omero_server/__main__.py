"""``python -m omero_server``: the test server, alone on loopback or as ``Blitz-0`` of a grid.

In a grid its properties name its adapter, as those of OMERO's server do; ``omero.test.*`` say the rest.
"""

from __future__ import annotations

import faulthandler
import sys
from pathlib import Path
from typing import Any

import Ice
import omero
import omero.all
import omero.columns
import omero.grid
import omero.ObjectFactoryRegistrar
import omero.rtypes

from omero_server.control import listen
from omero_server.router import add_ways_in
from omero_server.server import Server

_DEFAULTS = {
    "Ice.MessageSizeMax": "250000",
    "Ice.ThreadPool.Server.Size": "8",
    "Ice.ThreadPool.Server.SizeMax": "50",
    "Ice.ThreadPool.Client.Size": "4",
    "Ice.CacheMessageBuffers": "0",
    "Ice.Warn.Connections": "0",
}
_OWN = "omero.test."


def main(arguments: list[str]) -> int:
    """Serve until told to end."""
    faulthandler.enable()
    properties = Ice.createProperties(arguments)
    properties.parseCommandLineOptions("omero", arguments)
    for name, value in _DEFAULTS.items():
        if not properties.getProperty(name):
            properties.setProperty(name, value)
    start = Ice.InitializationData()
    start.properties = properties
    communicator = Ice.initialize(start)
    try:
        _register(communicator)
        serve(communicator, properties)
        communicator.waitForShutdown()
    except KeyboardInterrupt:
        return 0
    finally:
        communicator.destroy()
    return 0


def serve(communicator: Any, properties: Any) -> Server:
    """Start answering."""
    in_grid = bool(properties.getProperty("BlitzAdapter.Endpoints"))
    own = {k.removeprefix(_OWN): v for k, v in properties.getPropertiesForPrefix(_OWN).items()}
    if in_grid:
        adapter = communicator.createObjectAdapter("BlitzAdapter")
    else:
        adapter = communicator.createObjectAdapterWithEndpoints("Blitz", own["endpoints"])
    folder = Path(own["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(
        folder,
        communicator,
        adapter,
        password=own.get("password", "a password of tests"),
        idle_s=float(own.get("idle_s", "600")),
        in_grid=in_grid,
    )
    if "insecure" in own:
        server.settings["omero.router.insecure"] = own["insecure"]
    add_ways_in(server)
    if "control" in own:
        listen(int(own["control"]), server)
    adapter.activate()
    return server


def _register(communicator: Any) -> None:
    omero.ObjectFactoryRegistrar.registerObjectFactory(communicator, None)
    for factory in (*omero.rtypes.ObjectFactories.values(), *omero.columns.ObjectFactories.values()):
        factory.register(communicator)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
