"""A real OMERO.grid on loopback: IceGrid, IceStorm and Glacier2 of Debian, and the test server for Blitz."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services import grid_scripts
from services.grid_files import LOOPBACK, WORKER, GridFiles
from services.guard import guarded
from services.omero_py import CURRENT, REPOSITORY, ensure_environment
from services.omero_seeds import OmeroSeeds
from services.omero_user import Refused, User, logged_in
from services.packages import ensure_packages as ensure
from services.processes import Daemons, descendants, end, free_ports, wait_until, with_environment

PACKAGES = (
    "zeroc-icegrid",
    "zeroc-glacier2",
    "zeroc-icebox",
    "libzeroc-icestorm3.7",
    "zeroc-ice-utils",
)
_TESTS = REPOSITORY / "tests"
_MARK = "BIOMERO_TEST_GRID"
_PASSWORD = "a password of tests"


def ensure_packages() -> None:
    """Install Ice's services; nothing is started by that."""
    ensure(PACKAGES)


class OmeroGrid:
    """One grid with one worker, whose processor may be of any release of omero-py.

    Parameters
    ----------
    variables
        What the worker's node has in its environment.
    has_worker
        If not, the grid is started without its worker, whose node another account will run.
    host
        The address at which the master is reached.
    """

    def __init__(
        self,
        folder: Path,
        *,
        variables: Mapping[str, str] | None = None,
        has_worker: bool = True,
        host: str = LOOPBACK,
    ) -> None:
        ensure_packages()
        registry, router, control = free_ports(3)
        self.folder = folder
        self.files = GridFiles(
            folder=folder,
            registry_port=registry,
            router_port=router,
            control_port=control,
            blitz_python=ensure_environment(CURRENT),
            tests=_TESTS,
            worker_is_root=has_worker,
            host=host,
        )
        self.seeds = OmeroSeeds(control, folder / "arrays")
        self._has_worker = has_worker
        self._mark = f"{_MARK}={secrets.token_hex(8)}"
        self.name = f"worker-{secrets.token_hex(4)}"
        self._variables = {"OMERO_WORKER_NAME": self.name, **(variables or {})}
        self._chosen: tuple[str, Mapping[str, str]] = (CURRENT, {})
        self._exits = ExitStack()
        for part in ("run", "log", "bin", "tmp"):
            (folder / part).mkdir(parents=True)
        self._daemons = Daemons(folder, env=self._env())

    @property
    def mark(self) -> str:
        """``NAME=value`` that stands in the environment of all processes of this grid but scripts."""
        return self._mark

    @property
    def script_mark(self) -> str:
        """``NAME=value`` that stands in the environment of all processes of scripts."""
        return f"BIOMERO_SCRIPT_OWNER={self.name}"

    @property
    def worker(self) -> Path:
        """The folder that the worker's servers work in."""
        return self.folder / WORKER

    def start(self) -> None:
        """Start everything, and wait until a processor is there."""
        self.files.write()
        self._exits.enter_context(guarded(self._mark))
        shim = REPOSITORY / "deploy" / "startup" / "runProcessor.py"
        (self.worker / "runProcessor.py").write_text(shim.read_text())
        self.use(CURRENT)
        self.start_master()
        if self._has_worker:
            self.start_worker()
        self._admin(f"application add {self.folder / 'grid.xml'}")
        wait_until(self.seeds.answers, "the server Blitz-0 answers", timeout_s=60)
        self.seeds.add_group("lab")
        self.seeds.add_user("alice", ["lab"], is_admin=True, privileges=["WriteScriptRepo"])
        if self._has_worker:
            self.await_processor()

    def stop(self) -> None:
        """End everything."""
        self.seeds.hang_up()
        for name in self._daemons.names():
            self._daemons.stop(name)
        self._exits.close()

    def use(self, release: str, **variables: str) -> None:
        """Let the worker's ``python`` be the one with a release of omero-py, and change its environment.

        What runs goes on with what it has.
        """
        self._chosen = (release, variables)
        python = ensure_environment(release)
        exports = "".join(f"export {name}={value!r}\n" for name, value in variables.items())
        program = self.folder / "bin" / "python"
        fresh = program.with_name("new")
        fresh.write_text(f'#!/bin/sh\n{exports}exec {python} "$@"\n')
        fresh.chmod(0o755)
        fresh.replace(program)

    @property
    def is_changed(self) -> bool:
        """The worker's Python is not the one that it began with."""
        return self._chosen != (CURRENT, {})

    def restart_processor(self, release: str = CURRENT, **variables: str) -> None:
        """Let the processor begin anew, as another release or with other variables."""
        self.use(release, **variables)
        before = self.processor_pid()
        self._admin("server stop Processor-0", must=False)
        wait_until(lambda: self.processor_pid() not in {None, before}, "another processor", timeout_s=60)
        self.await_processor()

    def start_master(self) -> None:
        """Start the registry with its node."""
        self._node("master", "master")
        wait_until(lambda: self._admin("registry list", must=False) is not None, "the registry", timeout_s=60)

    def start_worker(self) -> None:
        """Start the worker's node."""
        self._node(WORKER, WORKER)
        wait_until(lambda: WORKER in (self._admin("node list", must=False) or ""), "the node", timeout_s=60)

    def kill_worker(self) -> None:
        """Kill the worker's node as a power cut would; the servers that it started go on."""
        self._daemons.kill(WORKER)

    def kill_master(self) -> None:
        """Kill the registry and all servers of the master's node, as the end of their container would."""
        master = self._daemons.pid("master")
        assert master is not None
        servers = descendants(master)
        self._daemons.kill("master")
        end(servers)

    def left_of_worker(self) -> list[int]:
        """Return the processes that a worker of another account left behind."""
        master = self._daemons.pid("master")
        assert master is not None
        ours = {master, *descendants(master)}
        return [pid for pid in with_environment(self._mark) if pid not in ours]

    def runs_a_script(self) -> bool:
        """Run one and say whether that went well; not so if nobody takes it."""
        try:
            with self.user() as user:
                run = user.start(user.upload("greets.py", grid_scripts.GREETS), n=1)
                return run.wait() == 0 and run.results()["Message"] == "hello 1"
        except Refused:
            return False

    def processor_hosts(self) -> set[str]:
        """Return the addresses at which the processor says that it is."""
        said = self._admin("adapter endpoints Processor-0.ProcessorAdapter") or ""
        return set(re.findall(r" -h (\S+)", said))

    def forget_subscribers(self) -> None:
        """Let IceStorm know no processor any more, as after messages that did not arrive."""
        self._run(
            "icestormadmin",
            "--IceStormAdmin.TopicManager.Default=OMERO.IceStorm/TopicManager",
            "-e",
            r"destroy \/internal\/ProcessorAccept",
        )

    def processor_objects(self) -> set[str]:
        """Return the identities of processors that the registry knows."""
        said = self._admin("object list Processor*") or ""
        return {line.split()[0].strip('"') for line in said.splitlines() if line.strip()}

    def processor_pid(self) -> int | None:
        """Return the process of the processor, as the registry knows it."""
        said = self._admin("server pid Processor-0", must=False)
        return int(said) if said and said.strip().isdigit() else None

    def await_processor(self) -> None:
        """Wait until IceGrid has the processor's object, which comes after its subscription."""
        wait_until(
            lambda: (
                "Processor-" in (self._admin("object list Processor*", must=False) or "")
                and self._server_state() == "active"
                and self._log_says_main_loop()
            ),
            "the processor is registered",
            timeout_s=60,
        )

    def _log_says_main_loop(self) -> bool:
        log = self.worker / "var" / "log" / "Processor-0.log"
        said = log.read_text(errors="replace") if log.exists() else ""
        return "Entering main loop" in said.rpartition("Waiting 0 ms on startup")[2]

    def _server_state(self) -> str:
        said = self._admin("server state Processor-0", must=False) or ""
        return said.partition(" ")[0].strip()

    @contextmanager
    def another_processor(self, name: str) -> Iterator[None]:
        """Have a second server for scripts, on the master's node."""
        (self.folder / "second.xml").write_text(self.files.another_application(name))
        shim = (self.worker / "runProcessor.py").read_text()
        (self.folder / "master" / "runProcessor.py").write_text(shim)
        self._admin(f"application add {self.folder / 'second.xml'}")
        state = f"server state {name}"
        wait_until(
            lambda: (self._admin(state) or "").partition(" ")[0].strip() == "active", name, timeout_s=60
        )
        try:
            yield
        finally:
            self._admin("application remove second")

    def disable_processor(self, *, kills: bool = False) -> None:
        """Stop or kill the processor, and keep the grid from starting it again."""
        self._admin("server disable Processor-0")
        pid = self.processor_pid()
        if kills and pid is not None:
            os.kill(pid, signal.SIGKILL)
        else:
            self._admin("server stop Processor-0", must=False)

    def enable_processor(self) -> None:
        """Undo that."""
        self._admin("server enable Processor-0")
        wait_until(lambda: self.processor_pid() is not None, "a processor", timeout_s=60)
        self.await_processor()

    @contextmanager
    def user(self) -> Iterator[User]:
        """Log somebody in."""
        with logged_in(str(ensure_environment(CURRENT)), self.files.router, self._env()) as user:
            yield user

    def _node(self, daemon: str, node: str) -> None:
        configuration = f"--Ice.Config=etc/internal.cfg,etc/{node}.cfg"
        home = self.folder / node
        variables = self._variables if node != "master" else {}
        argv = ("sh", "-c", f'cd "{home}" && exec icegridnode {configuration} --nochdir --nowarn')
        self._daemons.start(daemon, argv, env=variables)

    def _admin(self, command: str, *, must: bool = True) -> str | None:
        return self._run("icegridadmin", "-u", "x", "-p", "x", "-e", command, must=must)

    def _run(self, program: str, *words: str, must: bool = True) -> str | None:
        done = subprocess.run(
            (program, f"--Ice.Default.Locator={self.files.locator}", *words),
            capture_output=True,
            text=True,
            check=False,
            env=self._env(),
        )
        if done.returncode != 0:
            if must:
                raise RuntimeError(f"{words[-1]}: {done.stderr} {done.stdout}")
            return None
        return done.stdout

    def _env(self) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        return {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "OMERO_TMPDIR": str(self.folder / "tmp"),
            name: value,
        }
