"""The files of a small OMERO.grid: a registry with a master node, and a worker's node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

WORKER = "biomeroworker-external"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridFiles:
    """Where a grid has its files and ports.

    Parameters
    ----------
    blitz_python
        Runs the test server (`omero_server`); has omero-py.
    control_port
        Where that server is asked for what no client may.
    workers
        Nodes with the name of the server that each of them hosts.
    worker_is_root
        Whether these nodes run as root.
    host
        The address of the master. Where that is not loopback, processors listen at all addresses that they
        have, as OMERO's own template says.
    """

    folder: Path
    registry_port: int
    router_port: int
    control_port: int
    blitz_python: Path
    tests: Path
    workers: Mapping[str, str] = field(default_factory=lambda: {WORKER: "Processor-0"})
    worker_is_root: bool = True
    host: str = LOOPBACK

    @property
    def locator(self) -> str:
        return f"IceGrid/Locator:tcp -h {self.host} -p {self.registry_port}"

    @property
    def router(self) -> str:
        return f"OMERO.Glacier2/router:tcp -p {self.router_port} -h {self.host}"

    def write(self) -> None:
        """Write all of them."""
        for node in ("master", *self.workers):
            for part in ("etc", "var/log", f"var/{node}", "var/registry", "var/storm"):
                (self.folder / node / part).mkdir(parents=True, exist_ok=True)
            locator = {"Ice.Default.Locator": self.locator}
            _properties(self.folder / node / "etc" / "internal.cfg", locator)
            _properties(self.folder / node / "etc" / "ice.config", {"Ice.Default.Router": self.router})
        master = {**_node("master", self.host), **self._registry()}
        _properties(self.folder / "master" / "etc" / "master.cfg", master)
        for worker in self.workers:
            _properties(self.folder / worker / "etc" / f"{worker}.cfg", _node(worker, LOOPBACK))
        (self.folder / "grid.xml").write_text(self._application())

    def another_application(self, server: str) -> str:
        """Return an application with one more server for scripts, at the master's node."""
        processor = _processor(server, is_root=True, endpoints=f"tcp -h {LOOPBACK}")
        node = f'<node name="master">{processor}</node>'
        return f'<icegrid><application name="second">{node}</application></icegrid>\n'

    def _processor(self, server: str) -> str:
        endpoints = f"tcp -h {LOOPBACK}" if self.host == LOOPBACK else "tcp"
        return _processor(server, is_root=self.worker_is_root, endpoints=endpoints)

    def _registry(self) -> dict[str, object]:
        return {
            "IceGrid.Node.CollocateRegistry": 1,
            "IceGrid.Registry.Client.Endpoints": f"tcp -h {self.host} -p {self.registry_port}",
            "IceGrid.Registry.Server.Endpoints": f"tcp -h {self.host}",
            "IceGrid.Registry.Internal.Endpoints": f"tcp -h {self.host}",
            # OMERO's own Ice is 3.6, which says IceGrid.Registry.Data here
            "IceGrid.Registry.LMDB.Path": "var/registry",
            "IceGrid.Registry.LMDB.MapSize": 10,
            "IceGrid.Registry.DynamicRegistration": 0,
            "IceGrid.Registry.AdminPermissionsVerifier": "IceGrid/NullPermissionsVerifier",
        }

    def _application(self) -> str:
        blitz = _server(
            "Blitz-0",
            exe=str(self.blitz_python),
            options=("-m", "omero_server"),
            variables={"PYTHONPATH": str(self.tests)},
            inside=_adapter("BlitzAdapter", f"tcp -h {self.host}", group="BlitzAdapters"),
            properties={
                "Ice.ThreadPool.Server.Size": 10,
                "Ice.ThreadPool.Server.SizeMax": 50,
                "omero.test.folder": self.folder / "blitz",
                "omero.test.control": self.control_port,
            },
        )
        router = _server(
            "OMERO.Glacier2",
            exe="glacier2router",
            properties={
                "Glacier2.InstanceName": "OMERO.Glacier2",
                "Glacier2.Client.Endpoints": f"tcp -p {self.router_port} -h {self.host}",
                "Glacier2.Server.Endpoints": f"tcp -h {self.host}",
                "Glacier2.SessionTimeout": 600,
                "Glacier2.Client.ForwardContext": 1,
                "Glacier2.PermissionsVerifier": "BlitzVerifier@BlitzAdapters",
                "Glacier2.SessionManager": "BlitzManager@BlitzAdapters",
            },
        )
        nodes = "".join(
            f"<node name={quoteattr(node)}>{self._processor(server)}</node>"
            for node, server in self.workers.items()
        )
        storm = _STORM.replace("HOST", self.host)
        return (
            f'<icegrid><application name="OMERO">{_GROUP}<node name="master">{blitz}{router}{storm}</node>'
            f"{nodes}</application></icegrid>\n"
        )


def _processor(server: str, *, is_root: bool, endpoints: str) -> str:
    """Return what OMERO's own template says of a Processor: Python is looked up on the worker."""
    return _server(
        server,
        exe="python",
        is_root=is_root,
        options=("-m", "runProcessor"),
        variables={"OMERO_STARTUP_WAIT": "0"},
        inside=_adapter("ProcessorAdapter", endpoints),
        properties={
            "Ice.ImplicitContext": "Shared",
            "omero.logging.directory": "var/log/",
            "omero.logging.level": 20,
            "Ice.ThreadPool.Client.Size": 2,
            "Ice.ThreadPool.Client.SizeMax": 50,
            "Ice.ThreadPool.Server.Size": 10,
            "Ice.ThreadPool.Server.SizeMax": 100,
        },
    )


def _node(name: str, host: str) -> dict[str, object]:
    return {
        "IceGrid.Node.Endpoints": f"tcp -h {host}",
        "IceGrid.Node.Name": name,
        "IceGrid.Node.Data": f"var/{name}",
        "IceGrid.Node.Output": "var/log",
        # tests run as root
        "IceGrid.Node.AllowRunningServersAsRoot": 1,
    }


def _properties(file: Path, properties: Mapping[str, object]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def _server(
    name: str,
    *,
    exe: str,
    is_root: bool = True,
    options: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    inside: str = "",
    properties: Mapping[str, object],
) -> str:
    every = {"Ice.MessageSizeMax": 250000, "Ice.CacheMessageBuffers": 0, "Ice.Override.ConnectTimeout": 5000}
    parts = [f"<option>{option}</option>" for option in options]
    parts += [f"<env>{variable}={value}</env>" for variable, value in (variables or {}).items()]
    # without it, a node that runs as root starts servers as nobody
    user = ' user="root"' if is_root else ""
    rows = "".join(
        f'<property name="{n}" value={quoteattr(str(v))}/>' for n, v in {**every, **properties}.items()
    )
    return (
        f'<server id="{name}"{user} exe={quoteattr(exe)} activation="always" pwd=".">'
        f"{''.join(parts)}{inside}<properties>{rows}</properties></server>"
    )


def _adapter(name: str, endpoints: str, *, group: str | None = None) -> str:
    member = f' replica-group="{group}"' if group else ""
    return f'<adapter name="{name}" endpoints="{endpoints}"{member}/>'


_GROUP = """<replica-group id="BlitzAdapters">
<object identity="BlitzVerifier" type="::Glacier2::PermissionsVerifier"/>
<object identity="BlitzManager" type="::Glacier2::SessionManager"/>
</replica-group>"""
_STORM = """<icebox id="OMERO.IceStorm" user="root" exe="icebox" activation="always" pwd=".">
<service name="OMERO.IceStorm" entry="IceStormService,37:createIceStorm">
<adapter name="OMERO.IceStorm.TopicManager" endpoints="tcp -h HOST">
<object identity="OMERO.IceStorm/TopicManager" type="::IceStorm::TopicManager"/></adapter>
<adapter name="OMERO.IceStorm.Publish" endpoints="tcp -h HOST"/>
<properties><property name="OMERO.IceStorm.InstanceName" value="OMERO.IceStorm"/>
<property name="OMERO.IceStorm.LMDB.Path" value="var/storm"/>
<property name="OMERO.IceStorm.LMDB.MapSize" value="1"/></properties></service></icebox>"""
