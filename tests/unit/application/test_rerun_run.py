"""What is said before a run is repeated."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from biomero.application.rerun_run import Repetition, check_repetition
from biomero.bootstrap import make_services
from biomero.domain.ids import RunId
from biomero.errors import InputError, NotRepeatableError, UsageError
from services.command import THRESHOLD, image_file
from services.past_runs import Asked, Home, past_run


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.at(tmp_path)
    (tmp_path / "in").mkdir()
    yield home
    home.record.close()


def pictures(home: Home, count: int = 2) -> tuple[Path, ...]:
    return tuple(image_file(home.path / "in" / f"image_{i}.tif", seed=i) for i in range(count))


def checked(
    home: Home, run_id: RunId, *, results: Path | None = None, changed_inputs_ok: bool = False
) -> Repetition:
    services = make_services(home.settings)
    try:
        return check_repetition(
            run_id, services, results=results, changed_inputs_ok=changed_inputs_ok, requested_by="eve"
        )
    finally:
        services.record.close()


def test_the_same_is_asked_for_again_in_a_folder_beside(home: Home) -> None:
    run_id = past_run(home, pictures(home), {}, asked=Asked(parameters={"level": 7, "behave": "one"}))
    repetition = checked(home, run_id)
    request = repetition.order.request
    assert repetition.changes == ()
    assert request.results == home.path / "results-rerun"
    assert request.parameters == {"level": 7, "behave": "one"}
    assert [i.name for i in request.images] == ["image_0", "image_1"]
    assert request.requested_by == "eve"
    request.results.mkdir()
    assert checked(home, run_id).order.request.results == home.path / "results-rerun-2"


def test_all_inputs_that_are_not_what_they_were_are_named(home: Home) -> None:
    images = pictures(home, 3)
    run_id = past_run(home, images, {})
    image_file(images[0], seed=99)
    images[1].unlink()
    with pytest.raises(NotRepeatableError) as refused:
        checked(home, run_id)
    assert "image_0.tif has changed" in str(refused.value)
    assert "image_1.tif is gone" in str(refused.value)
    assert "image_2" not in str(refused.value)
    repetition = checked(home, run_id, changed_inputs_ok=True)
    assert len(repetition.changes) == 2
    assert [i.path for i in repetition.order.request.images] == [images[0], images[2]]


def test_nothing_is_repeated_without_any_image(home: Home) -> None:
    images = pictures(home, 1)
    run_id = past_run(home, images, {})
    images[0].unlink()
    with pytest.raises(InputError, match="none of the run's images"):
        checked(home, run_id, changed_inputs_ok=True)


def test_a_workflow_that_has_changed_is_refused(home: Home) -> None:
    folder = shutil.copytree(THRESHOLD, home.path / "workflow")
    run_id = past_run(home, pictures(home), {}, asked=Asked(workflow=folder))
    assert checked(home, run_id).order.workflow.folder == folder
    (folder / "threshold.py").write_text("print('another')")
    with pytest.raises(NotRepeatableError, match="has changed since"):
        checked(home, run_id, changed_inputs_ok=True)
    shutil.rmtree(folder)
    with pytest.raises(NotRepeatableError, match="is gone"):
        checked(home, run_id, changed_inputs_ok=True)


def test_an_attachment_that_is_gone_is_refused(home: Home) -> None:
    mask = home.image("mask.tif")
    run_id = past_run(home, pictures(home), {}, asked=Asked(attachments={"mask": (mask,)}))
    mask.unlink()
    with pytest.raises(NotRepeatableError, match=r"mask\.tif is gone"):
        checked(home, run_id)


def test_results_of_another_run_are_not_overwritten(home: Home) -> None:
    run_id = past_run(home, pictures(home), {})
    with pytest.raises(InputError, match=r"report\.html"):
        checked(home, run_id, results=home.path / "results")


def test_only_a_run_that_has_ended_is_repeated(home: Home) -> None:
    run_id = past_run(home, pictures(home), {}, end="running")
    with pytest.raises(UsageError, match="has not ended"):
        checked(home, run_id)
