"""Our recorder of events does what eventsourcing asks of every recorder."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from eventsourcing import persistence
from eventsourcing.persistence import StoredEvent
from eventsourcing.tests import persistence as library

from biomero.adapters.persistence.database_url import read_url
from biomero.adapters.persistence.engine import make_engine
from biomero.adapters.persistence.event_recorder import EventRecorder, events_table

WRITERS, WRITES, AT_ONCE = 4, 25, 3


@pytest.fixture
def recorder(address: str) -> Iterator[EventRecorder]:
    made = EventRecorder(make_engine(read_url(address)), events_table("workflowtracker_events"))
    made.create_table()
    yield made
    made.engine.dispose()


def an_event(originator_id: UUID, version: int) -> StoredEvent:
    return StoredEvent(originator_id, version, "topic", b"state")


def test_it_passes_the_library_s_own_tests(recorder: EventRecorder) -> None:
    class Case(library.ApplicationRecorderTestCase[EventRecorder]):
        # a refused event uses a number of PostgreSQL's sequence
        EXPECT_CONTIGUOUS_NOTIFICATION_IDS = recorder.engine.dialect.name == "sqlite"

        def create_recorder(self) -> EventRecorder:
            return recorder

    Case("test_insert_select").debug()


def test_whoever_follows_never_misses_a_position(recorder: EventRecorder) -> None:
    problems: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(WRITES):
                one = uuid4()
                recorder.insert_events([an_event(one, version) for version in range(AT_ONCE)])
        except BaseException as exc:  # noqa: BLE001 - told by the test's own thread
            problems.append(exc)

    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    followed: list[tuple[UUID | str, int]] = []
    position = 0
    while any(thread.is_alive() for thread in threads) or position < (recorder.max_notification_id() or 0):
        for seen in recorder.select_notifications(position, 7, inclusive_of_start=False):
            followed.append((seen.originator_id, seen.originator_version))
            position = seen.id
    assert problems == []
    assert len(followed) == len(set(followed)) == WRITERS * WRITES * AT_ONCE
    # what was appended together stands together, in its order
    groups = [followed[at : at + AT_ONCE] for at in range(0, len(followed), AT_ONCE)]
    assert all([v for _, v in group] == [0, 1, 2] and len({i for i, _ in group}) == 1 for group in groups)


def test_all_events_of_an_append_are_there_or_none(recorder: EventRecorder) -> None:
    one = uuid4()
    recorder.insert_events([an_event(one, 1)])
    with pytest.raises(persistence.IntegrityError):
        recorder.insert_events([an_event(uuid4(), 1), an_event(one, 1)])
    assert len(recorder.select_notifications(1, 10)) == 1
    assert recorder.insert_events([]) == []


def test_nobody_is_told_of_new_events(recorder: EventRecorder) -> None:
    with pytest.raises(NotImplementedError, match="select_notifications"):
        recorder.subscribe()
