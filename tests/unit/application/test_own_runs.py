"""Runs of one's own are found by a job and by a folder, whatever else was done since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from biomero.application.own_runs import run_of_job
from biomero.application.send_images import sent_images
from biomero.domain.ids import RunId
from biomero.domain.omero import GroupAccess
from biomero.domain.run_status import RunStatus
from biomero.domain.workflow_run import WorkflowRun
from biomero.errors import UnknownRunError
from unit.application.test_omero_runs import Lab, lab_with
from unit.application.test_send_images import send

SERVER = "omero.test:4064"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = lab_with(tmp_path, GroupAccess.READ_ANNOTATE)
    yield made
    made.world.services.record.close()


def many_more(lab: Lab) -> None:
    """Record more runs of the user than anybody reads one by one."""
    tracker = lab.world.services.record.tracker
    new = [WorkflowRun(name="n", description="d", user=lab.user.id, group=lab.group.id) for _ in range(600)]
    tracker.save(*new)


def server_of(lab: Lab, run_id: RunId) -> str:
    return str(lab.world.services.record.get(run_id).request["omero"]["server"])


def a_job_of(lab: Lab, run_id: RunId) -> int:
    jobs = lab.world.services.record.get(run_id).jobs.values()
    return int(next(job["job"]["job_id"] for job in jobs if job["step"] == "workflow"))


def test_a_run_is_found_by_a_job_however_many_came_after_it(lab: Lab) -> None:
    run_id, services = lab.order(lab.dataset("cells", "a.tif")), lab.world.services
    assert lab.drive(run_id) is RunStatus.DONE
    job_id, server = a_job_of(lab, run_id), server_of(lab, run_id)
    many_more(lab)
    bob = lab.omero.user("bob", lab.group)
    root = replace(bob, name="root", is_admin=True)
    for user in (lab.user, root):
        assert run_of_job(job_id, user, services, server=server).run_id == run_id
    for user, number, at in ((bob, job_id, server), (lab.user, 2**62, server), (lab.user, job_id, SERVER)):
        with pytest.raises(UnknownRunError, match=f"had the job {number}"):
            run_of_job(number, user, services, server=at)


def test_a_job_that_a_script_submitted_leads_to_no_run(lab: Lab) -> None:
    tracker = lab.world.services.record.tracker
    run_id = tracker.initiate_workflow("n", "d", lab.user.id, lab.group.id)
    task = tracker.add_task_to_workflow(run_id, "threshold", "1", "", {})
    tracker.add_job_id(task, 77)
    with pytest.raises(UnknownRunError, match="had the job 77"):
        run_of_job(77, lab.user, lab.world.services, server=SERVER)


@pytest.mark.slow
def test_sent_images_are_found_by_their_folder_however_many_runs_came_after(lab: Lab) -> None:
    dataset, services = lab.dataset("cells", "a.tif"), lab.world.services
    first = send(lab, dataset, folder="cells")
    assert lab.drive(first) is RunStatus.DONE
    taken = send(lab, dataset, folder="cells")
    assert lab.drive(taken) is RunStatus.FAILED
    server = server_of(lab, first)
    many_more(lab)
    assert sent_images(" cells", lab.user, services, server=server).run_id == first
    assert sent_images(taken[:13], lab.user, services, server=server).run_id == taken
    bob = lab.omero.user("bob", lab.group)
    with pytest.raises(UnknownRunError, match="'cells'"):
        sent_images("cells", bob, services, server=server)
