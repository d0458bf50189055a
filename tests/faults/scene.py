"""The scene of a test: a user, a record, maybe a cluster behind a link, workers, and an auditor."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import tifffile

from biomero.domain.job import JobResources
from faults.audit_record import Json, failures_of, image_failures_of, status_of
from faults.audit_sources import Event, SlurmBooks, Tables, prologue, witnessed
from faults.audit_terms import Accepted
from faults.auditor import Auditor, Report
from faults.counted_calls import Death, hold
from faults.customer import Customer
from faults.workers import Supervisor, WorkerProcess
from services.command import Ended, User
from services.guard import guarded
from services.lab_programs import LabPrograms
from services.link import Link
from services.postgres import PostgresServer
from services.processes import wait_until
from services.slurm_lab import SlurmLab
from services.slurm_nodes import jobs_named

OVER = frozenset({"done", "failed", "cancelled", "paused"})
_DATA = "biomero/data"  # that of the other tests, whose environments of workflows are used again
_PATIENCE_S = 240.0
# every bash reads it that is no terminal's; only the first one of a job is the job itself
_ONCE = '[ -n "${SLURM_JOB_NAME-}" ] && [ -z "${WITNESSED-}" ] || return 0; export WITNESSED=1'


@dataclass(kw_only=True)
class Scene:
    """Where a test happens.

    Parameters
    ----------
    home
        A folder of the test's own.
    database
        The address of a record without tables.
    lab, link, programs
        The cluster, what lies between it and the worker, and Slurm's programs on it; ``None`` for runs on
        this machine.
    postgres
        The server that has the record, where there is one.
    """

    home: Path
    database: str
    lab: SlurmLab | None = None
    link: Link | None = None
    programs: LabPrograms | None = None
    postgres: PostgresServer | None = None
    accepted: dict[str, Accepted] = field(default_factory=dict)
    _names: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def prepare(self) -> None:
        """Write the settings."""
        self.state.mkdir(parents=True, exist_ok=True)
        said = prologue(self.witness)
        self._bash_env.write_text("\n".join([_ONCE, *said]) + "\n")
        lines = ["[SLURM]", "job_prologue =", *(f"  {line}" for line in said)]
        if self.lab is not None and self.link is not None:
            self.witness.parent.mkdir(exist_ok=True)
            self.witness.touch()
            self.witness.chmod(0o666)
            self._write_ssh_config(self.lab, self.link)
            lines += [f"slurm_data_path = {_DATA}", "slurm_images_path = biomero/images"]
            lines += [f"ssh_config = {self.ssh_config}"]
        lines += ["[ANALYTICS]", f"sqlalchemy_url = {self.database}", "[WORKER]", "http_address = none"]
        self.config.write_text("\n".join(lines) + "\n")

    def configure(self, **settings: str) -> None:
        """Give the cluster further settings; workers that start after it know them."""
        lines = [f"{name} = {value}" for name, value in settings.items()]
        text = self.config.read_text()
        self.config.write_text("\n".join(["[SLURM]", *lines, text.removeprefix("[SLURM]\n")]))

    @property
    def state(self) -> Path:
        """Where BIOMERO keeps its state."""
        return self.home / "state"

    @property
    def config(self) -> Path:
        """The settings."""
        return self.home / "slurm-config.ini"

    @property
    def ssh_config(self) -> Path:
        """A client's configuration that goes through the link."""
        return self.home / "ssh_config"

    @property
    def witness(self) -> Path:
        """Where jobs say that they begin to work."""
        if self.lab is None:
            return self.home / "witness"
        return self.lab.home / "witnesses" / self._token

    @property
    def _bash_env(self) -> Path:
        return self.home / "bash-env"

    @property
    def mark(self) -> str:
        """What all processes of the scene have in their environment."""
        return f"BIOMERO_STATE={self.state}"

    @property
    def user(self) -> User:
        """Somebody at a shell."""
        return User(home=self.home)

    @property
    def cluster_runs(self) -> Path:
        """The folder of the runs' folders on the cluster."""
        return (self.lab.home / _DATA if self.lab else self.state / "cluster") / "runs"

    def env(self) -> dict[str, str]:
        """Return the environment of everything that belongs to the scene."""
        local = {} if self.lab else {"BASH_ENV": str(self._bash_env)}
        return {**self.user.env(), "BIOMERO_SLURM_CONFIG_FILE": str(self.config), **local}

    def biomero(self, *words: str | Path) -> Ended:
        """Run the command line."""
        os.environ["BIOMERO_SLURM_CONFIG_FILE"] = str(self.config)
        try:
            return self.user.here(*words)
        finally:
            del os.environ["BIOMERO_SLURM_CONFIG_FILE"]

    def submit(
        self,
        count: int = 1,
        *,
        images: int = 1,
        may_end: Iterable[str] = ("done",),
        bad: int = 0,
        by: str = "ada",
        resources: JobResources | None = None,
        batch_size: int | None = None,
        **parameters: str,
    ) -> list[str]:
        """Ask for runs, which workers then drive; return their ids.

        Parameters
        ----------
        images
            How many each has; each image has a square of its own size at a place of its own.
        bad
            How many of them are no images.
        parameters
            The workflow's, such as ``behave="fail"``.
        """
        found = []
        for _ in range(count):
            number = next(self._names)
            folder = self.home / f"order-{number}"
            folder.mkdir()
            paths = tuple(
                numbered_image(folder / f"cell_{i:03}.tif", number * 100 + i) for i in range(images)
            )
            for path in paths[:bad]:
                path.write_bytes(b"II*\0 no image")
            run_id = self.customer.order(
                paths, folder / "results", by=by, resources=resources, batch_size=batch_size, **parameters
            )
            self.accepted[run_id] = Accepted(
                run_id=run_id,
                images=paths,
                results=folder / "results",
                may_end=frozenset(may_end),
                bad_images=frozenset(paths[:bad]),
            )
            found.append(run_id)
        return found

    @property
    def customer(self) -> Customer:
        """Somebody who asks for runs."""
        return Customer(env=self.env(), cluster=self.lab.alias if self.lab else "local")

    def resume(self, run_id: str) -> None:
        """Let a run go on that waits for a person; a worker must be there."""
        self.customer.resume(run_id)

    def worker(
        self,
        name: str = "worker",
        *,
        death: Death | None = None,
        calls: Path | None = None,
        elsewhere: bool = False,
        further: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> WorkerProcess:
        """Return a worker, not yet started: ``with scene.worker(): ...``."""
        env = {**self.env(), **(further or {})}
        log = self.home / f"{name}.log"
        return WorkerProcess(env, log, death=death, calls=calls, elsewhere=elsewhere, options=options)

    def supervised(self, name: str = "worker") -> Supervisor:
        """Return a worker that is started again whenever it has ended."""
        return Supervisor(self.worker(name))

    def expect(self, run_id: str, *ends: str) -> None:
        """Change how a run may end."""
        self.accepted[run_id] = replace(self.accepted[run_id], may_end=frozenset(ends))

    def give_up(self, run_id: str, image: Path) -> None:
        """Expect nothing of an image any more."""
        run = self.accepted[run_id]
        self.accepted[run_id] = replace(run, bad_images=run.bad_images | {image})

    def put_right(self, run_id: str) -> None:
        """Let a run go on, and come to its end, after a person has put right what was wrong."""
        self.customer.resume(run_id)
        self.wait_for(run_id, "done")
        self.wait_until_over(run_id)

    def adopt(self, images: Sequence[Path], results: Path) -> None:
        """Take the runs of the record that nobody of us has asked for, but may have been accepted."""
        for run_id in self.tables.events().keys() - self.accepted.keys():
            self.accepted[run_id] = Accepted(
                run_id=run_id, images=tuple(images), results=results, may_end=frozenset({"done", "failed"})
            )

    def doubt(self, run_id: str, image: Path) -> None:
        """Accept of an image that it has failed; if it has a result, that is to be right."""
        run = self.accepted[run_id]
        self.accepted[run_id] = replace(run, doubtful_images=run.doubtful_images | {image})

    def status(self, run_id: str) -> str:
        """Return how a run stands by its events."""
        return self.stand(self.tables.events(), run_id)

    @staticmethod
    def stand(events: Mapping[str, Sequence[Event]], run_id: str) -> str:
        """Return how a run stands by events that were read before."""
        return status_of(events.get(run_id, []))

    @property
    def tables(self) -> Tables:
        """The record's tables."""
        return Tables(self.database)

    def happened(self, run_id: str, event: str) -> bool:
        """Say whether an event of that name is on record."""
        return any(e.name == event for e in self.tables.events().get(run_id, []))

    def count(self, run_id: str, event: str) -> int:
        """Return how many events of that name are on record."""
        return sum(e.name == event for e in self.tables.events().get(run_id, []))

    def asked(self, run_id: str, step: str = "workflow") -> list[Json]:
        """Return what the jobs of a step asked for, oldest first."""
        wanted = [e.state for e in self.tables.events()[run_id] if e.name == "JobRequested"]
        return [state["resources"] for state in wanted if state["step"] == step]

    def must_say(
        self,
        run_id: str,
        failure_class: str,
        words: str,
        *,
        slurm_state: str | None = None,
        image: int | None = None,
    ) -> None:
        """See that a person is told why a run (or an image of it) came no further, when it did last.

        Parameters
        ----------
        words
            Part of the message; the auditor sees to it that there is advice, too.
        """
        history = self.tables.events()[run_id]
        told = failures_of(history)[-1] if image is None else image_failures_of(history)[image]
        assert told["failure_class"] == failure_class, told
        assert words in told["message"], told
        assert told["slurm_state"] == slurm_state, told

    def jobs(self, run_id: str) -> dict[str, str]:
        """Return the run's jobs in Slurm's queue: state by id."""
        assert self.lab is not None
        return jobs_named(self.lab, f"biomero-{run_id}-")

    def reached(self, run_id: str, status: str) -> bool:
        """Say whether a run has come to a status, which it may have left again."""
        events = self.tables.events().get(run_id, [])
        return any(e.name == "StatusChanged" and e.state["status"] == status for e in events)

    def wait_until_reached(self, run_id: str, status: str, *, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until a run has come to a status, which it may have left again."""
        self.wait_until(
            lambda: self.reached(run_id, status), f"{run_id} has reached {status}", timeout_s=timeout_s
        )

    def wait_until_happened(self, run_id: str, event: str, *, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until an event of that name is on record."""
        self.wait_until(lambda: self.happened(run_id, event), f"{run_id} has {event}", timeout_s=timeout_s)

    def wait_until_gone(self, run_id: str) -> None:
        """Wait until no job of a run is in Slurm's queue any more."""
        wait_until(lambda: not self.jobs(run_id), "its jobs have left the queue", timeout_s=120, every_s=1)

    def wait_until_working(self, run_id: str, step: str, *, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until a job of a step (``conversion``, ``workflow``) has begun to work."""
        key = f"biomero-{run_id}-{step}"
        self.wait_until(
            lambda: any(w.key.startswith(key) for w in witnessed(self.witness)),
            f"{key} works",
            timeout_s=timeout_s,
        )

    @contextmanager
    def held(self, step: str = "workflow") -> Iterator[None]:
        """Let the jobs of a step run without getting on, as long as the block lasts."""
        with _file(self.witness.with_name(f"{self.witness.name}.hold-{step}")):
            yield

    @contextmanager
    def hungry(self, step: str = "workflow") -> Iterator[None]:
        """Let the jobs of a step take 600 MB of memory when they begin in the block."""
        with _file(self.witness.with_name(f"{self.witness.name}.hungry-{step}")):
            yield

    @property
    def calls(self) -> Path:
        """Where a worker may write down which ports it calls."""
        return self.home / "calls"

    def has_called(self, name: str, *, times: int = 1) -> bool:
        """Say whether a worker that writes down its `calls` has made one so often."""
        return self.calls.exists() and self.calls.read_text().count(f"{name}#") >= times

    @contextmanager
    def call_held(self, name: str) -> Iterator[None]:
        """Let a worker that writes down its `calls` get stuck before one, as long as the block lasts."""
        with _file(hold(self.calls, name)):
            yield

    def wait_for(self, run_id: str, *statuses: str, timeout_s: float = _PATIENCE_S) -> str:
        """Wait until a run stands so."""
        self.wait_until(
            lambda: self.status(run_id) in statuses, f"{run_id} is {statuses}", timeout_s=timeout_s
        )
        return self.status(run_id)

    def wait_until_over(self, *run_ids: str, timeout_s: float = _PATIENCE_S) -> None:
        """Wait until runs (all, if none is named) have ended, or wait for a person."""
        wanted = run_ids or tuple(self.accepted)
        self.wait_until(lambda: self.is_over(*wanted), f"{len(wanted)} runs are over", timeout_s=timeout_s)

    def is_over(self, *run_ids: str) -> bool:
        """Say whether runs have ended or are paused, by the record and by the queue."""
        events, rows = self.tables.events(), self.tables.queue()
        return all(
            status_of(events.get(run_id, [])) in OVER
            and run_id in rows
            and rows[run_id].state in {"ended", "paused"}
            for run_id in run_ids
        )

    def audit(self) -> Report:
        """Let the auditor look, and print what it says."""
        auditor = Auditor(
            database=self.database,
            witness=self.witness,
            cluster_runs=self.cluster_runs,
            workspaces=self.state / "runs",
            slurm=SlurmBooks(self.lab) if self.lab else None,
        )
        report = auditor.audit(list(self.accepted.values()))
        print(report.text)  # noqa: T201 - pytest shows it when a test fails
        return report

    def _write_ssh_config(self, lab: SlurmLab, link: Link) -> None:
        lines = lab.ssh_config.read_text().splitlines()
        known = self.home / "known_hosts"
        places = {"Port": str(link.port), "UserKnownHostsFile": str(known)}
        changed = [
            f"  {word} {places[word]}" if (word := line.split()[0]) in places else line for line in lines
        ]
        self.ssh_config.write_text("\n".join(changed) + "\n")
        key = (lab.folder / "ssh" / "known_hosts").read_text().split(" ", 1)[1]
        known.write_text(f"[127.0.0.1]:{link.port} {key}")

    def wait_until(self, condition: Callable[[], bool], what: str, *, timeout_s: float = _PATIENCE_S) -> None:
        """Wait for a condition; who waits in vain is told how the runs stand, and what the workers said."""
        try:
            wait_until(condition, what, timeout_s=timeout_s, every_s=0.1)
        except TimeoutError as exc:
            logs = "\n".join(f"== {p.name}\n{p.read_text(errors='replace')[-3000:]}" for p in self._logs())
            stand = {run_id: self.status(run_id) for run_id in self.accepted}
            raise TimeoutError(f"{exc}\n{stand}\n{logs}") from exc

    def _logs(self) -> list[Path]:
        return sorted(self.home.glob("*.log"))


@contextmanager
def _file(path: Path) -> Iterator[None]:
    """Let there be a file as long as the block lasts."""
    path.touch()
    try:
        yield
    finally:
        path.unlink()


def numbered_image(path: Path, number: int) -> Path:
    """Write an image whose bright square tells its number."""
    pixels = np.random.default_rng(number).integers(0, 50, (64, 64), dtype=np.uint16)
    y, x = number % 40, (number // 40) % 40
    side = 4 + number % 17
    pixels[y : y + side, x : x + side] = 1000
    tifffile.imwrite(path, pixels)
    return path


def set_scene(scene: Scene) -> Iterator[Scene]:
    """Give a scene, and take everything away at its end or when this process dies."""
    scene.prepare()
    with guarded(scene.mark):
        yield scene
        if scene.lab is not None:
            scene.witness.unlink(missing_ok=True)
