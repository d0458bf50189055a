"""The thread that follows, and its end."""

from __future__ import annotations

from threading import Event, Thread

from biomero.application.follow_behind import FollowBehind


def test_closing_ends_however_much_others_record_meanwhile() -> None:
    for _ in range(100):
        behind = FollowBehind(lambda: None, pause_s=0.0005)
        stop = Event()

        def record(behind: FollowBehind = behind, stop: Event = stop) -> None:
            while not stop.is_set():
                behind.wake()

        others = [Thread(target=record, daemon=True) for _ in range(2)]
        for other in others:
            other.start()
        closing = Thread(target=behind.close, daemon=True)
        closing.start()
        closing.join(timeout=60)
        stop.set()
        for other in others:
            other.join()
        assert not closing.is_alive()
        behind.close()
