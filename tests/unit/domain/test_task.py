"""What a task's events tell, and what its methods refuse to write down."""

from __future__ import annotations

from uuid import uuid4

from eventsourcing.utils import get_topic
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.task import COMPLETED, FAILED, INITIALIZED, RUNNING, Task


def a_task() -> Task:
    return Task(workflow_id=uuid4(), task_name="cellpose", task_version="1", input_data="x", params={})


def test_a_task_is_added_started_and_completed() -> None:
    task = a_task()
    seen = [task.status]
    task.start()
    seen.append(task.status)
    task.complete("")
    seen.append(task.status)
    assert seen == [INITIALIZED, RUNNING, COMPLETED]


def test_that_a_job_completed_does_not_end_its_task() -> None:
    task = a_task()
    task.update_status("COMPLETED")
    assert not task.has_ended
    task.fail("no results came back")
    assert (task.status, task.result_message) == (FAILED, "no results came back")


def test_a_look_that_found_no_progress_is_no_news() -> None:
    task = a_task()
    task.update_progress("10%")
    task.update_progress(None)
    assert task.progress == "10%"


def test_the_stored_names_are_those_of_biomero_2() -> None:
    task = a_task()
    task.start()
    task.add_job_id(1)
    task.update_status("s")
    task.update_progress("p")
    task.add_result({})
    task.complete("")
    names = ("TaskCreated", "TaskStarted", "JobIdAdded", "StatusUpdated", "ProgressUpdated", "ResultAdded")
    assert [get_topic(type(e)) for e in task.pending_events] == [
        f"biomero.eventsourcing:Task.{name}" for name in (*names, "TaskCompleted")
    ]


CALLS = st.one_of(
    st.tuples(st.just("start")),
    st.tuples(st.just("add_job_id"), st.integers(1, 3)),
    st.tuples(st.just("update_status"), st.sampled_from(("PENDING", "RUNNING", "COMPLETED"))),
    st.tuples(st.just("update_progress"), st.sampled_from(("1%", "2%", None))),
    st.tuples(st.just("complete"), st.just("")),
    st.tuples(st.just("fail"), st.just("no")),
)


@given(st.lists(CALLS, max_size=20))
def test_saying_something_twice_in_a_row_writes_one_event_at_most(calls: list[tuple[str, ...]]) -> None:
    task = a_task()
    for name, *arguments in calls:
        before = len(task.pending_events)
        getattr(task, name)(*arguments)
        getattr(task, name)(*arguments)
        assert len(task.pending_events) <= before + 1
        if task.has_ended:
            ended = (task.status, task.result_message)
            task.update_status("RUNNING")
            assert (task.status, task.result_message) == ended
