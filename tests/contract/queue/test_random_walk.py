"""Threads that take each other for processes do anything in any order; no run is ever held by two."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from biomero.application.engine.recover import check_queue
from biomero.application.ports.run_queue import (
    Claim,
    End,
    GoOn,
    JobNews,
    Limits,
    Move,
    Park,
    Pool,
    QueueState,
    TryAgain,
    WaitForJob,
)
from biomero.domain.ids import RunId
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import LeaseLostError
from contract.queue.conftest import Opener
from services.queues import OpenQueue, a_worker, job_of, queued

LEASE_S = 0.4
RUNS = 12
STEPS = 60


class Walker:
    """One thread: claims, works, dies without a word, freezes, wishes."""

    def __init__(self, world: OpenQueue, seed: str, ids: list[RunId]) -> None:
        self.world = world
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.ids = ids
        self.worker = a_worker()
        self.claims: list[Claim] = []
        self.lost = 0

    def walk(self) -> None:
        acts = (self.claim, self.work, self.work, self.pulse, self.die, self.wish, self.tell, self.check)
        for _ in range(STEPS):
            self.chance.choice(acts)()

    def claim(self) -> None:
        self.claims += self.world.queue.claim(self.worker, Limits(pools={Pool.STAGE: 6}), most=3)

    def work(self) -> None:
        if not self.claims:
            self.claim()
            return
        claim = self.claims.pop(self.chance.randrange(len(self.claims)))
        try:
            self.world.queue.change(claim, lambda run: run.count_session({"token": claim.token}))
            self.world.queue.move(
                claim, self.move(claim), lambda run: run.count_session({"token": claim.token, "moved": 1})
            )
        except LeaseLostError:
            self.lost += 1

    def move(self, claim: Claim) -> Move:
        return self.chance.choice(
            (
                GoOn(step=f"step-{claim.token}", pool=self.chance.choice(list(Pool))),
                TryAgain(after_s=self.chance.uniform(0, 0.2), counts=self.chance.random() < 0.5),
                WaitForJob(job=job_of(claim.run_id, claim.token), step="judge", pool=Pool.FETCH),
                Park(),
            )
        )

    def pulse(self) -> None:
        self.world.queue.pulse(self.worker)

    def die(self) -> None:
        """Become another worker; what the old one had is worked on some more, as one that froze would."""
        if self.chance.random() < 0.2:
            self.worker = a_worker()

    def wish(self) -> None:
        wish = self.chance.choice(("cancel", "pause", "resume", "resume"))
        self.world.queue.request(self.chance.choice(self.ids), wish, lambda _: None)

    def tell(self) -> None:
        news = [
            JobNews(
                run_id=w.run_id,
                job=w.job,
                seen="x",
                is_over=self.chance.random() < 0.7,
                decide=lambda run: run.count_session({"told": 1}),
            )
            for w in self.world.queue.waiting("lisa")
        ]
        self.world.queue.tell(news)

    def check(self) -> None:
        """Compare the queue with the record; however others are at work, there is nothing to be put right."""
        assert check_queue(self.world.queue, queued) == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_run_is_held_by_two_and_none_is_lost(opened: Opener, seed: int) -> None:
    world = opened(LEASE_S)
    ids = [world.added(requester=f"user-{n % 3}") for n in range(RUNS)]
    walkers = [Walker(opened(LEASE_S), f"{seed}-{n}", ids) for n in range(4)]
    with ThreadPoolExecutor(len(walkers)) as threads:
        for done in [threads.submit(walker.walk) for walker in walkers]:
            done.result()

    bring_to_an_end(world, ids)
    for run_id in ids:
        tokens = [s["token"] for s in world.run(run_id).sessions if "token" in s]
        moves = [s["token"] for s in world.run(run_id).sessions if "moved" in s]
        assert tokens == sorted(tokens), "an older claim stored after a newer one"
        assert len(set(moves)) == len(moves), "a claim was over twice"


def bring_to_an_end(world: OpenQueue, ids: list[RunId]) -> None:
    """Resume and end every run with one more worker, which finds all of them."""
    worker, found = a_worker(), set[RunId]()
    while len(found) < len(ids):
        for view in world.queue.view(states=[QueueState.PAUSED]):
            world.queue.request(view.run_id, "resume", lambda _: None)
        world.queue.tell(
            [JobNews(run_id=w.run_id, job=w.job, seen="", is_over=True) for w in world.queue.waiting("lisa")]
        )
        for claim in world.queue.claim(worker, Limits()):
            world.queue.move(claim, End(), WorkflowRun.complete)
            found.add(claim.run_id)
    assert found == set(ids)
    assert {view.state for view in world.queue.view()} == {QueueState.ENDED}
