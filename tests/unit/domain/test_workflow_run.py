"""What a run's events tell, and what its methods refuse to write down."""

from __future__ import annotations

import pytest
from eventsourcing.utils import get_topic

from biomero.domain.run_status import ImageStage, RunStatus
from biomero.domain.workflow_run import WorkflowRun


def a_run(images: int = 3) -> WorkflowRun:
    run = WorkflowRun(name="nuclei", description="finds nuclei", user=None, group=None)
    run.accept({"images": [{"index": i} for i in range(images)]})
    return run


def events_of(run: WorkflowRun) -> list[str]:
    return [type(e).__name__ for e in run.pending_events]


def test_a_new_run_is_submitted_and_knows_its_images() -> None:
    run = a_run()
    assert run.status is RunStatus.SUBMITTED
    assert run.good_images == [0, 1, 2]


def test_going_on_to_where_the_run_stands_writes_nothing() -> None:
    run = a_run()
    run.advance(RunStatus.EXPORTING)
    run.advance(RunStatus.EXPORTING)
    assert events_of(run).count("StatusChanged") == 1


def test_an_image_that_failed_comes_no_further_and_keeps_its_first_reason() -> None:
    run = a_run()
    run.fail_images({1: {"message": "truncated"}})
    run.fail_images({1: {"message": "something later"}})
    run.advance_images([0, 1, 2], ImageStage.STAGED)
    assert run.image_failures[1]["message"] == "truncated"
    assert run.stages[1] is None
    assert run.stages[2] is ImageStage.STAGED
    assert run.good_images == [0, 2]


def test_a_report_that_says_nothing_new_writes_nothing() -> None:
    run = a_run()
    run.request_job("k", "workflow")
    tasks = [{"state": "PENDING"}]
    run.report_job("k", tasks)
    run.report_job("k", [{"state": "PENDING"}])
    assert events_of(run).count("JobReported") == 1


def test_resuming_goes_on_at_the_step_where_the_run_was_paused() -> None:
    run = a_run()
    run.advance(RunStatus.CONVERTING)
    seen = []
    run.pause({"message": "no connection"})
    seen.append(run.status)
    run.resume("ada")
    assert isinstance(run.pending_events[-1], WorkflowRun.RunResumed)
    assert run.pending_events[-1].requested_by == "ada"
    seen.append(run.status)
    assert seen == [RunStatus.PAUSED, RunStatus.CONVERTING]
    assert run.failure is None


def test_a_run_that_is_held_has_no_failure_and_goes_on_at_its_step() -> None:
    run = a_run()
    run.advance(RunStatus.QUEUED)
    run.request_pause("ann")
    run.request_pause("bob")
    run.hold()
    assert (run.status, run.failure, run.pause_requested_by) == (RunStatus.PAUSED, None, "ann")
    run.resume("ann")
    assert (run.status, run.pause_requested_by) == (RunStatus.QUEUED, None)
    assert events_of(run)[-3:] == ["PauseRequested", "RunHeld", "RunResumed"]


def test_a_pause_that_has_not_happened_is_taken_back() -> None:
    run = a_run()
    run.request_pause("ann")
    run.resume("bob")
    assert run.pause_requested_by is None
    assert events_of(run)[-2:] == ["PauseRequested", "ResumeRequested"]


def test_trouble_is_over_when_the_run_goes_on() -> None:
    run = a_run()
    run.retry_step("prepare", 0, {"message": "away"}, after_s=2.0)
    seen = [run.trouble]
    run.advance(RunStatus.EXPORTING)
    assert [*seen, run.trouble] == [{"message": "away"}, None]


def test_a_new_round_is_about_some_images_and_leaves_the_others_as_they_are() -> None:
    run = a_run()
    run.advance_images([0, 1, 2], ImageStage.STAGED)
    run.request_job("k", "workflow")
    run.fail_images({1: {"message": "truncated"}})
    run.advance_images([0, 2], ImageStage.DELIVERED)
    run.complete()
    run.request_retry(
        "ann", status=RunStatus.SUBMITTED, images=[1], job_steps=["workflow"], is_new_round=True
    )
    assert run.status is RunStatus.SUBMITTED
    assert run.asked_images == [1]
    assert run.image_failures == {}
    assert run.stages == {0: ImageStage.DELIVERED, 1: None, 2: ImageStage.DELIVERED}
    assert (run.attempt_of("workflow"), run.attempt_of("conversion")) == (2, 1)


def test_a_run_that_is_under_way_is_not_retried() -> None:
    run = a_run()
    before = len(run.pending_events)
    run.request_retry("ann", status=RunStatus.SUBMITTED, images=[0])
    assert len(run.pending_events) == before


def test_another_job_of_a_step_asks_for_something_else() -> None:
    run = a_run()
    run.attempt_job("workflow", [2], resources={"memory_mb": 2000}, reason="OUT_OF_MEMORY")
    assert run.attempt_of("workflow") == 2
    assert run.attempts["workflow"] == [{"images": [2], "resources": {"memory_mb": 2000}}]


@pytest.mark.parametrize("end", ["complete", "cancel", "fail"])
def test_a_run_ends_once(end: str) -> None:
    run = a_run()
    if end == "fail":
        run.fail({"message": "out of memory"})
    else:
        getattr(run, end)()
    status = run.status
    assert status.is_final
    count = len(run.pending_events)
    run.complete()
    run.cancel()
    run.fail({"message": "again"})
    run.advance(RunStatus.RUNNING)
    run.pause({"message": "late"})
    run.request_cancel("somebody")
    run.request_pause("somebody")
    run.hold()
    run.retry_step("prepare", 0, {"message": "late"}, after_s=1.0)
    run.attempt_job("workflow", [0], resources={}, reason="late")
    assert run.status is status
    assert len(run.pending_events) == count


def test_the_stored_names_do_not_follow_the_module() -> None:
    topics = {get_topic(type(e)) for e in a_run().pending_events}
    assert topics == {
        "biomero.eventsourcing:WorkflowRun.WorkflowInitiated",
        "biomero.eventsourcing:WorkflowRun.RunRequested",
    }
