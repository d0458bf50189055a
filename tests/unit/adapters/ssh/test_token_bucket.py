"""A login node is not flooded."""

from __future__ import annotations

import asyncio

from biomero.adapters.ssh.token_bucket import TokenBucket


class Time:
    """Stands still until a test lets it go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_goes_at_once_and_the_rest_in_turn() -> None:
    bucket = TokenBucket(per_s=2, burst=30, clock=Time())
    delays = [bucket.delay() for _ in range(34)]
    assert delays[:30] == [0.0] * 30
    assert delays[30:] == [0.5, 1.0, 1.5, 2.0]


def test_a_quiet_time_fills_it_up_again_and_no_further() -> None:
    time = Time()
    bucket = TokenBucket(per_s=2, burst=3, clock=time)
    assert [bucket.delay() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    time.now += 1.5
    assert [bucket.delay() for _ in range(3)] == [0.0, 0.0, 0.5]
    time.now += 1000
    assert [bucket.delay() for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_without_a_limit_nobody_waits() -> None:
    bucket = TokenBucket()
    assert [bucket.delay() for _ in range(1000)] == [0.0] * 1000


def test_who_waits_is_counted() -> None:
    async def three() -> None:
        await asyncio.gather(*(bucket.turn() for _ in range(3)))

    bucket = TokenBucket(per_s=100, burst=2)
    asyncio.run(three())
    assert bucket.held_back == 1
