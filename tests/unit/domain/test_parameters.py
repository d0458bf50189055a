import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.domain.descriptor import (
    Choice,
    DescriptorFormat,
    Parameter,
    ParameterType,
    ParameterValue,
    WorkflowDescriptor,
)
from biomero.domain.parameters import check_parameters, check_value, read_value
from biomero.errors import ParameterError


def workflow(*parameters: Parameter) -> WorkflowDescriptor:
    return WorkflowDescriptor(
        name="Blobs",
        description="",
        format=DescriptorFormat.BIAFLOWS,
        container_image=None,
        command_line=(),
        parameters=parameters,
    )


def parameter(
    kind: ParameterType, name: str = "size", *, choices: tuple[Choice, ...] = (), optional: bool = True
) -> Parameter:
    return Parameter(id=name, type=kind, name=name, choices=choices, optional=optional)


READ: list[tuple[ParameterType, str | ParameterValue, ParameterValue]] = [
    (ParameterType.INTEGER, " 30 ", 30),
    (ParameterType.INTEGER, "-1", -1),
    (ParameterType.INTEGER, 30.0, 30),
    (ParameterType.FLOAT, "30", 30.0),
    (ParameterType.FLOAT, ".5", 0.5),
    (ParameterType.FLOAT, "1e-3", 0.001),
    (ParameterType.FLOAT, 3, 3.0),
    (ParameterType.NUMBER, "30", 30),
    (ParameterType.NUMBER, "30.0", 30.0),
    (ParameterType.NUMBER, 2, 2),
    (ParameterType.BOOLEAN, "True", True),
    (ParameterType.BOOLEAN, "no", False),
    (ParameterType.BOOLEAN, "0", False),
    (ParameterType.BOOLEAN, 1, True),
    (ParameterType.STRING, "", ""),
    (ParameterType.STRING, " x ", " x "),
    (ParameterType.STRING, 7, "7"),
]


@pytest.mark.parametrize(("kind", "given_value", "expected"), READ)
def test_values_are_read_by_how_they_are_spelt(
    kind: ParameterType, given_value: str | ParameterValue, expected: ParameterValue
) -> None:
    value = read_value(kind, given_value)
    assert value == expected
    assert type(value) is type(expected)


REFUSED: list[tuple[ParameterType, str | ParameterValue, str]] = [
    (ParameterType.INTEGER, "30.5", "no integer"),
    (ParameterType.INTEGER, "1_000", "no integer"),
    (ParameterType.INTEGER, "", "no integer"),
    (ParameterType.INTEGER, True, "no integer"),
    (ParameterType.INTEGER, 1.5, "no integer"),
    (ParameterType.INTEGER, "9" * 5000, "no integer"),
    (ParameterType.INTEGER, 10**5000, "too large"),
    (ParameterType.FLOAT, "0,5", "with a point"),
    (ParameterType.FLOAT, "nan", "no number"),
    (ParameterType.FLOAT, math.inf, "finite"),
    (ParameterType.FLOAT, "1e999", "finite"),
    (ParameterType.NUMBER, math.nan, "finite"),
    (ParameterType.NUMBER, "ten", "no number"),
    (ParameterType.BOOLEAN, "maybe", "neither true nor false"),
    (ParameterType.BOOLEAN, 2, "neither true nor false"),
    (ParameterType.STRING, "a\0b", "NUL"),
    (ParameterType.STRING, "\ud800", "half a character"),
    (ParameterType.STRING, True, "no text"),
]


@pytest.mark.parametrize(("kind", "given_value", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_values_of_another_type_are_refused_by_name(
    kind: ParameterType, given_value: str | ParameterValue, reason: str
) -> None:
    with pytest.raises(ParameterError, match=reason) as caught:
        check_value(parameter(kind), given_value)
    assert "'size'" in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_value_out_of_range_is_refused_with_the_range() -> None:
    ranged = Parameter(
        id="radius", type=ParameterType.FLOAT, name="Radius", minimum=0.5, maximum=50, optional=True
    )
    assert check_value(ranged, "50") == 50
    with pytest.raises(ParameterError, match=r"'radius' cannot be 51.0; it takes a number from 0.5 to 50"):
        check_value(ranged, "51")


def test_a_value_that_is_no_choice_is_refused_with_the_choices() -> None:
    choices = (Choice(value=0, label="GREY"), Choice(value=1, label="1"))
    channel = parameter(ParameterType.INTEGER, "channel", choices=choices)
    with pytest.raises(ParameterError, match=r"'channel' cannot be 2; it takes one of: 0 \(GREY\), 1"):
        check_value(channel, "2")


def test_an_unknown_parameter_is_refused_with_the_nearest_name_and_all_names() -> None:
    found = workflow(
        parameter(ParameterType.FLOAT, "diameter"),
        parameter(ParameterType.STRING, "model"),
    )
    with pytest.raises(
        ParameterError, match=r"Blobs: no parameter 'Diametr'; did you mean 'diameter'\? known"
    ):
        check_parameters(found, {"Diametr": "30"})
    with pytest.raises(ParameterError, match=r"known: diameter, model$"):
        check_parameters(found, {"zzz": "30"})


def test_all_that_is_wrong_is_said_at_once() -> None:
    found = workflow(
        parameter(ParameterType.FLOAT, "diameter"),
        parameter(ParameterType.STRING, "model", optional=False),
    )
    with pytest.raises(ParameterError) as caught:
        check_parameters(found, {"x": "1", "diameter": "big"})
    assert all(name in str(caught.value) for name in ("'x'", "'diameter'", "'model' (text) must be given"))


def test_inputs_and_what_biomero_fills_in_cannot_be_set() -> None:
    found = workflow(
        Parameter(id="images", type=ParameterType.IMAGE, name="Images"),
        Parameter(id="cytomine_host", type=ParameterType.STRING, name="Host", set_by_server=True),
    )
    assert check_parameters(found, {}) == {}
    with pytest.raises(ParameterError, match="'images' is an input, for files"):
        check_parameters(found, {"images": "x"})
    with pytest.raises(ParameterError, match="'cytomine_host' is filled in by BIOMERO"):
        check_parameters(found, {"cytomine_host": "x"})


def test_defaults_fill_in_and_optional_parameters_without_one_stay_out() -> None:
    found = workflow(
        Parameter(id="a", type=ParameterType.BOOLEAN, name="a", default=False, optional=False),
        Parameter(id="b", type=ParameterType.STRING, name="b", optional=True),
        Parameter(id="c", type=ParameterType.STRING, name="c", default="", optional=True),
    )
    assert check_parameters(found, {}) == {"a": False, "c": ""}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_survives_its_own_spelling(value: float) -> None:
    assert read_value(ParameterType.FLOAT, repr(value)) == value


@given(st.text())
def test_text_is_taken_as_it_is_or_refused(value: str) -> None:
    try:
        assert read_value(ParameterType.STRING, value) == value
    except ValueError:
        assert "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)
