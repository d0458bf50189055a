"""IceGrid's registry, asked by a node of the grid; see `OmeroGridProbe`."""

from __future__ import annotations

import importlib.util
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from biomero.adapters.omero.script_run import run_official_script
from biomero.application.ports.omero_grid import ScriptServer
from biomero.errors import OmeroUnavailableError

_LOCATOR = "Ice.Default.Locator="
_ADAPTER = "ProcessorAdapter"
_TIMEOUT_MS = "5000"


def grid_of_this_node(environment: Mapping[str, str] = os.environ) -> IceGridProbe | None:
    """Return the grid that a worker was started for; ``None`` on a machine that is no worker of OMERO."""
    folder = environment.get("OMERODIR")
    if not folder:
        return None
    try:
        lines = Path(folder, "etc", "internal.cfg").read_text().splitlines()
    except OSError:
        return None
    locator = next((line.removeprefix(_LOCATOR) for line in lines if line.startswith(_LOCATOR)), "")
    if not locator:
        return None
    return IceGridProbe(locator, node=environment.get("OMERO_WORKER_NAME", ""))


class IceGridProbe:
    """See `OmeroGridProbe`.

    Inside of a grid there are no passwords: whoever reaches the registry is let in, which is why its network
    is closed.

    Parameters
    ----------
    locator
        The registry's proxy, such as ``IceGrid/Locator:tcp -h master -p 4061``.
    """

    def __init__(self, locator: str, *, node: str = "") -> None:
        self._locator = locator
        self._node = node

    @property
    def name(self) -> str:
        """See `OmeroGridProbe.name`."""
        return self._locator.partition(":")[2]

    @property
    def node(self) -> str:
        """See `OmeroGridProbe.node`."""
        return self._node

    def nodes(self) -> Sequence[str]:
        """See `OmeroGridProbe.nodes`."""
        with self._admin() as admin:
            return [str(name) for name in admin.getAllNodeNames()]

    def script_servers(self) -> Sequence[ScriptServer]:
        """See `OmeroGridProbe.script_servers`."""
        found = []
        with self._admin() as admin:
            for name in admin.getAllServerIds():
                described = admin.getServerInfo(name)
                if any(adapter.name == _ADAPTER for adapter in described.descriptor.adapters):
                    is_active = self._is_active(admin, name)
                    found.append(ScriptServer(name=name, node=described.node, is_active=is_active))
        return found

    def run_script(self, text: str, *, timeout_s: float) -> str:
        """See `OmeroGridProbe.run_script`."""
        with self._communicator() as communicator:
            return run_official_script(communicator, text, timeout_s=timeout_s)

    def _is_active(self, admin: Any, server: str) -> bool:
        import IceGrid

        try:
            return bool(admin.getServerState(server) == IceGrid.ServerState.Active)
        except (IceGrid.NodeUnreachableException, IceGrid.DeploymentException):
            return False

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        import IceGrid

        with self._communicator() as communicator:
            registry = IceGrid.RegistryPrx.checkedCast(communicator.stringToProxy("IceGrid/Registry"))
            session = registry.createAdminSession("biomero", "")
            try:
                yield session.getAdmin()
            finally:
                session.destroy()

    @contextmanager
    def _communicator(self) -> Iterator[Any]:
        """Connect; errors of Ice are turned into ours."""
        if importlib.util.find_spec("Ice") is None:
            raise OmeroUnavailableError("Ice for Python is missing here: pip install 'biomero[omero]'")
        import Ice
        import IceGrid  # noqa: F401 - its types are looked up by name

        data = Ice.InitializationData()
        data.properties = Ice.createProperties()
        for name, value in {
            "Ice.Default.Locator": self._locator,
            "Ice.Override.ConnectTimeout": _TIMEOUT_MS,
            "Ice.ImplicitContext": "Shared",
            "Ice.MessageSizeMax": "250000",
        }.items():
            data.properties.setProperty(name, value)
        communicator = Ice.initialize(data)
        try:
            # OMERO makes a session's identity from it
            communicator.getImplicitContext().put("omero.client.uuid", str(uuid.uuid4()))
            yield communicator
        except Ice.LocalException as exc:
            raise OmeroUnavailableError(f"no answer at {self.name}: {type(exc).__name__}") from exc
        finally:
            communicator.destroy()
