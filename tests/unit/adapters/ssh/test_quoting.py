"""Arguments through a real shell."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomero.adapters.ssh.quoting import command_line, quoted

ARGUMENTS = st.lists(
    st.one_of(
        st.binary(max_size=60).map(lambda raw: raw.replace(b"\0", b"").decode(errors="surrogateescape")),
        st.text(max_size=60).map(lambda text: text.replace("\0", "")),
        st.text("'\"\\$`!*?[]{}()<>|&;#~=%^-+ \t\r\n", max_size=20),
    ),
    max_size=8,
)


def through_a_shell(line: bytes) -> bytes:
    return subprocess.run((b"sh", b"-c", line), capture_output=True, check=True).stdout


@settings(max_examples=150, deadline=None)
@given(ARGUMENTS)
def test_a_shell_hands_on_every_argument_unchanged(arguments: list[str]) -> None:
    line = command_line(("printf", "%s\\0", "first", *arguments))
    expected = "".join(f"{argument}\0" for argument in ["first", *arguments])
    assert through_a_shell(line) == expected.encode(errors="surrogateescape")


@settings(max_examples=60, deadline=None)
@given(ARGUMENTS.filter(bool))
def test_a_shell_hands_on_every_variable_unchanged(values: list[str]) -> None:
    line = command_line(("sh", "-c", 'printf %s "$V"'), env={"V": values[0]})
    assert through_a_shell(line) == values[0].encode(errors="surrogateescape")


def test_the_marker_comes_before_the_program_on_both_outputs() -> None:
    line = command_line(("sh", "-c", "echo out; echo err >&2"), marker="here:")
    ended = subprocess.run((b"sh", b"-c", line), capture_output=True, check=True)
    assert (ended.stdout, ended.stderr) == (b"here:out\n", b"here:err\n")


def test_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quoted("a\0b")


@pytest.mark.parametrize("name", ["", "A=B"])
def test_names_of_variables_that_would_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        command_line(("true",), env={name: "x"})


def test_there_must_be_a_program() -> None:
    with pytest.raises(ValueError, match="no program"):
        command_line(())
