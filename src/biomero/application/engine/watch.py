"""Watches one cluster for all runs that have jobs there: one question for all, as seldom as will do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from biomero.application.engine.jobs import job_fields
from biomero.application.engine.log_progress import LogProgress
from biomero.application.engine.look import is_missing, judge, update_of, with_progress
from biomero.application.engine.pace import CLUSTER_PACE, LOCAL_PACE, Pace
from biomero.application.ports.clock import Clock
from biomero.application.ports.clusters import Cluster
from biomero.application.ports.progress import RunUpdate
from biomero.application.ports.run_queue import JobNews, RunQueue, WaitingRun, WorkerId
from biomero.domain.ids import JobKey, RunId
from biomero.domain.job import JobRef, JobReport, JobState
from biomero.errors import BiomeroError, ClusterError, RecordError

_LOG = logging.getLogger(__name__)

OpenCluster = Callable[[], AbstractContextManager[Cluster]]
"""Gives the open cluster for a while, such as ``lambda: hub.use("slurm")``."""

Show = Callable[[RunId, RunUpdate], None]

_LEAD_EVERY_S = 5.0
_IDLE_S = 1.0
_SHORTEST_S = 0.01
"""Nobody is sent to sleep for less."""
_ASIDE_AFTER = 5
_ASIDE_S = 35.0
"""Longer than anybody leads without saying so again."""
_UNKNOWN_EVERY_S = 6.7
"""Ten looks that count, and so a lost job, take a minute."""
_UNKNOWN_EVERY_LOCAL_S = 0.0


class JobWatcher:
    """Looks at the jobs of one cluster and tells the queue; one thread calls it, again and again.

    Of all workers one watches a cluster; the others' watchers do nothing. While no run waits, nothing is
    asked of the cluster. A question that fails says nothing about any job; who gets no answer again and
    again steps aside for a while, as another worker may.

    Parameters
    ----------
    cluster
        The cluster's name in the queue.
    open_cluster
        Gives the cluster; may raise what opening one raises.
    show
        Hears what people are shown of each run, at every look; must not fail and must not wait.

    Attributes
    ----------
    looks
        How often the cluster was asked.
    unanswered
        How many questions in a row had no answer.
    problem
        Why the last one had none; ``None`` where it had.
    """

    def __init__(
        self,
        queue: RunQueue,
        cluster: str,
        open_cluster: OpenCluster,
        worker: WorkerId,
        clock: Clock,
        *,
        is_local: bool = False,
        show: Show | None = None,
    ) -> None:
        self.cluster = cluster
        self.looks = 0
        self.unanswered = 0
        self.problem: str | None = None
        self._queue = queue
        self._open = open_cluster
        self._worker = worker
        self._clock = clock
        self._show = show
        # each machine has jobs of its own
        self._machine = worker.host.partition("/")[0] if is_local else None
        self._lead_name = f"watch {cluster}" + (f" on {worker.host}" if is_local else "")
        self._unknown_every_s = _UNKNOWN_EVERY_LOCAL_S if is_local else _UNKNOWN_EVERY_S
        shortest, longest = LOCAL_PACE if is_local else CLUSTER_PACE
        self._pace = Pace(shortest_s=shortest, longest_s=longest)
        self._idle = Pace(shortest_s=shortest, longest_s=max(shortest, _IDLE_S))
        self._leads_since: datetime | None = None
        self._aside_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._counted: dict[RunId, datetime] = {}
        self._waiting = 0
        self._logs = LogProgress(clock)
        self._told: dict[JobKey, int] = {}

    def run_once(self) -> float:
        """Look, if it is time to; return after how many seconds to call again.

        Raises
        ------
        DatabaseUnavailableError
            Nothing is lost: the next look finds the same.
        """
        if not self._leads():
            return _LEAD_EVERY_S
        waiting, before = self._queue.count_waiting(self.cluster), self._waiting
        self._waiting = waiting
        if not waiting:
            self._pace.pause_s = 0.0
            return self._idle.after(changed=False)
        self._idle.pause_s = 0.0
        wait_s = self._time_left()
        # a run that is new among those that wait is not kept waiting
        if wait_s > _SHORTEST_S and waiting <= before:
            return min(self._pace.shortest_s, wait_s)
        if waiting > before:
            self._pace.pause_s = 0.0
        return min(self._pace.shortest_s, self._look())

    def wake(self) -> None:
        """Look at the next call, because a run is known to wait now."""
        self._looked_at = None

    def _leads(self) -> bool:
        now = self._clock.now()
        was_aside = self._aside_since is not None
        if self._aside_since is not None:
            if self._seconds_since(self._aside_since) < _ASIDE_S:
                return False
            self._aside_since = None
        if self._leads_since is not None and self._seconds_since(self._leads_since) < _LEAD_EVERY_S:
            return True
        leads = self._queue.lead(self._lead_name, self._worker)
        if leads and self._leads_since is None and not was_aside:
            self._pace.pause_s, self._looked_at = 0.0, None
        self._leads_since = now if leads else None
        return leads

    def _seconds_since(self, moment: datetime) -> float:
        # a clock that was put back must not stop us
        return abs((self._clock.now() - moment).total_seconds())

    def _time_left(self) -> float:
        if self._looked_at is None:
            return 0.0
        return self._pace.pause_s - self._seconds_since(self._looked_at)

    def _look(self) -> float:
        waiting = [
            w
            for w in self._queue.waiting(self.cluster)
            if self._machine is None or w.host in {None, self._machine}
        ]
        news: list[JobNews] = []
        changed = False
        try:
            with self._open() as cluster:
                reports = self._ask(cluster, [w.job for w in waiting])
                news = [n for w in waiting if (n := self._news(w, reports.get(w.job.key))) is not None]
                changed = bool(news)
                news = self._with_progress(cluster, waiting, reports, news)
        except RecordError:
            raise
        except BiomeroError as exc:
            self._no_answer(exc)
        else:
            self._answered()
            self._display(waiting, reports)
        if news and self._still_leads():
            self._queue.tell(news)
            self._log_ends(news, reports)
        self._waiting -= sum(n.is_over for n in news)
        self._looked_at = self._clock.now()
        pause = self._pace.after(changed=changed)
        if any(w.run_id in self._counted for w in waiting):
            pause = self._pace.pause_s = min(pause, max(self._unknown_every_s, self._pace.shortest_s))
        return pause

    def _log_ends(self, news: Sequence[JobNews], reports: Mapping[JobKey, JobReport]) -> None:
        for one in news:
            if one.is_over:
                fields = {"run": one.run_id, "cluster": self.cluster, **job_fields(one.run_id, one.job)}
                how = _end_of(reports.get(one.job.key))
                _LOG.info("job %d is over: %s", one.job.job_id, how, extra=fields)

    def _still_leads(self) -> bool:
        """Ask again before telling: a question may have taken long, and another may watch now."""
        self._leads_since = None
        return self._leads()

    def _ask(self, cluster: Cluster, jobs: Sequence[JobRef]) -> Mapping[JobKey, JobReport]:
        """Report on all jobs, by their keys.

        A controller that lost its memory gives an id out again, so that two of our jobs may have the same:
        they are asked about apart.
        """
        found: dict[JobKey, JobReport] = {}
        for round_ in _rounds(jobs):
            self.looks += 1
            reports = cluster.scheduler.report(round_)
            found.update({job.key: reports[job.job_id] for job in round_ if job.job_id in reports})
        return found

    def _news(self, waiting: WaitingRun, report: JobReport | None) -> JobNews | None:
        counts = True
        if is_missing(report):
            last = self._counted.get(waiting.run_id)
            counts = last is None or self._seconds_since(last) >= self._unknown_every_s
            if counts:
                self._counted[waiting.run_id] = self._clock.now()
        else:
            self._counted.pop(waiting.run_id, None)
        news = judge(waiting, report, counts=counts)
        if news is not None and news.is_over:
            self._counted.pop(waiting.run_id, None)
        return news

    def _with_progress(
        self,
        cluster: Cluster,
        waiting: Sequence[WaitingRun],
        reports: Mapping[JobKey, JobReport],
        news: Sequence[JobNews],
    ) -> list[JobNews]:
        """Add how far jobs say they are; what cannot be read now is read later."""
        running = [w.job for w in waiting if (r := reports.get(w.job.key)) and r.state is JobState.RUNNING]
        try:
            self._logs.read(cluster.shell, running)
        except ClusterError as exc:
            _LOG.debug("the logs on %s cannot be read now: %s", self.cluster, exc)
        by_run = {one.run_id: one for one in news}
        for run in waiting:
            percent = self._logs.percent(run.job.key)
            if percent is not None and percent != self._told.get(run.job.key):
                by_run[run.run_id] = with_progress(run, by_run.get(run.run_id), percent)
                self._told[run.job.key] = percent
        self._told = {w.job.key: self._told[w.job.key] for w in waiting if w.job.key in self._told}
        return list(by_run.values())

    def _no_answer(self, error: BiomeroError) -> None:
        if not self.unanswered:
            _LOG.warning("%s does not say how jobs stand: %s", self.cluster, error)
        self.unanswered += 1
        self.problem = str(error)
        if self.unanswered % _ASIDE_AFTER == 0:
            self._aside_since, self._leads_since = self._clock.now(), None

    def _answered(self) -> None:
        if self.unanswered:
            _LOG.info("%s answers again", self.cluster)
        self.unanswered, self.problem = 0, None

    def _display(self, waiting: Iterable[WaitingRun], reports: Mapping[JobKey, JobReport]) -> None:
        if self._show is None:
            return
        for run in waiting:
            report = reports.get(run.job.key)
            if report is not None:
                percent = self._logs.percent(run.job.key)
                self._show(run.run_id, update_of(run.run_id, run.job.key, report, percent=percent))


def _end_of(report: JobReport | None) -> str:
    if report is None or not report.tasks:
        return "nobody knows it any more"
    return ", ".join(dict.fromkeys(task.state.text for task in report.tasks))


def _rounds(jobs: Sequence[JobRef]) -> list[list[JobRef]]:
    """Return the jobs in as few groups as will do, no id twice in one."""
    rounds: list[dict[int, JobRef]] = []
    for job in jobs:
        for taken in rounds:
            if job.job_id not in taken:
                taken[job.job_id] = job
                break
        else:
            rounds.append({job.job_id: job})
    return [list(taken.values()) for taken in rounds]
