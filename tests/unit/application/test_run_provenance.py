"""What is told in OMERO of where results come from: all of it, or that something was left out."""

from __future__ import annotations

from dataclasses import replace

from biomero.application.run_provenance import TASK, provenance
from biomero.domain.descriptor import ParameterValue
from services.run_documents import a_document

DOCUMENT = a_document()


def pairs_of_task(**more: ParameterValue) -> list[tuple[str, str]]:
    document = replace(DOCUMENT, parameters=more)
    return list(dict(provenance(document, input_data=["Dataset:7"]))[f"{TASK}/{DOCUMENT.workflow.name}"])


def test_everything_that_was_chosen_is_told_and_no_id_is_cut_in_two() -> None:
    chosen = [f"Image:{number}" for number in range(1, 5001)]
    files = {"tables": [f"FileAnnotation:{number} (a.csv)" for number in range(300)]}
    maps = dict(provenance(DOCUMENT, input_data=chosen, files=files))
    pairs = maps[f"{TASK}/{DOCUMENT.workflow.name}"]
    assert len(dict(pairs)) == len(pairs)
    for key, entries in (("Input_Data", chosen), ("File_tables", files["tables"])):
        told = {name: value for name, value in pairs if name.startswith(key)}
        assert list(told) == [key, *(f"{key}_{number}" for number in range(2, len(told) + 1))]
        assert len(told) > 1
        assert [entry for value in told.values() for entry in value.split(", ")] == entries
        assert max(map(len, told.values())) <= 4000


def test_what_is_short_is_one_pair() -> None:
    (pair,) = [pair for pair in pairs_of_task() if pair[0].startswith("Input_Data")]
    assert pair == ("Input_Data", "Dataset:7")


def test_a_parameter_without_a_value_is_told() -> None:
    assert ("Param_prompt", "") in pairs_of_task(prompt="", diameter=30)


def test_a_long_parameter_says_that_it_is_cut() -> None:
    told = dict(pairs_of_task(prompt="x" * 5000, whole="y" * 4000))
    assert told["Param_prompt"] == "x" * 4000 + "... (cut, 5000 characters)"
    assert told["Param_whole"] == "y" * 4000
