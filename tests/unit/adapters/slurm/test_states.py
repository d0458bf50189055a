from __future__ import annotations

import pytest

from biomero.adapters.slurm.states import parse_job_id, parse_state
from biomero.domain.job import JobState
from biomero.errors import UnparsableOutputError


@pytest.mark.parametrize("state", JobState)
def test_every_state_is_known(state: JobState) -> None:
    assert parse_state(state.text) is state


@pytest.mark.parametrize("text", ["CANCELLED by 1001", "CANCELLED by 0", "CANCELLED"])
def test_a_cancelled_job_is_cancelled_whoever_did_it(text: str) -> None:
    assert parse_state(text) is JobState.CANCELLED


@pytest.mark.parametrize("text", ["OUT_OF_ME+", "CANCELLED+", "", "Completed", "DONE", "-1"])
def test_an_unknown_state_is_an_error_with_its_text(text: str) -> None:
    with pytest.raises(UnparsableOutputError, match="does not know") as caught:
        parse_state(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "job_id", "indices"),
    [
        ("11", 11, None),
        ("11_2", 11, (2,)),
        ("11_[3-7]", 11, (3, 4, 5, 6, 7)),
        ("11_[3-7%2]", 11, (3, 4, 5, 6, 7)),
        ("11_[0,3-5,9%1]", 11, (0, 3, 4, 5, 9)),
        ("11_[0-8:4]", 11, (0, 4, 8)),
        ("11_[0-8:4,9%3]", 11, (0, 4, 8, 9)),
    ],
)
def test_array_tasks_that_share_a_row_are_told_apart(
    text: str, job_id: int, indices: tuple[int, ...] | None
) -> None:
    assert parse_job_id(text) == (job_id, indices)


@pytest.mark.parametrize("text", ["", "x", "11_", "11_[1,3,...]", "11_[]", "11_[3-]", "11+0", "11_[1-2-3]"])
def test_what_is_no_job_id_is_an_error_with_its_text(text: str) -> None:
    with pytest.raises(UnparsableOutputError) as caught:
        parse_job_id(text)
    assert repr(text) in str(caught.value)
