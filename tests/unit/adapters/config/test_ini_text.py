"""Reading ini files with lines, held against the standard library."""

from __future__ import annotations

import configparser
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biomero.adapters.config.ini_text import lines_of, read_ini

PIECES = st.sampled_from(
    [
        "[A]", "[B]", " [C]", "[A] x", "[]", "a = 1", "b=2", "c : 3", "d", "  e = 4", "    more", "", " ",
        "# note", "  ; note", "= 5", "f = x # y", "F = 6",
        "g = a=b:c", "h =", "[WORKFLOWS]", "é = ü", "\ta=1",
    ]
)  # fmt: skip
NEWLINES = st.sampled_from(["\n", "\r\n"])


def by_the_library(text: str) -> dict[tuple[str, str], str | None] | None:
    parser = configparser.RawConfigParser(allow_no_value=True, default_section="no such section")
    try:
        parser.read_string("\n".join(text.splitlines()))
    except (configparser.Error, AttributeError):  # the latter: a value that goes on where there is none
        return None
    return {
        (section, key): parser.get(section, key) for section in parser.sections() for key in parser[section]
    }


@given(st.lists(PIECES, max_size=12), NEWLINES)
@example(["[A]", "a = 1", "", "    more", "# note", "    again"], "\n")
@settings(max_examples=400, deadline=None)
def test_values_are_those_that_the_standard_library_reads(lines: list[str], newline: str) -> None:
    text = newline.join(lines)
    expected = by_the_library(text)
    read = read_ini(text)
    if expected is None:
        assert read.faults
    else:
        assert not read.faults
        assert {(e.section, e.key): e.value for e in read.entries} == expected


@given(st.text(alphabet="[]ab=: \t#;\r\n%é\x0b\u2028", max_size=60))
@settings(max_examples=400, deadline=None)
def test_any_text_is_read_and_its_lines_make_it_up(text: str) -> None:
    read = read_ini(text)
    assert "".join(lines_of(text)) == text
    assert all(1 <= line <= len(lines_of(text)) for entry in read.entries for line in entry.lines)


def test_each_value_knows_its_lines() -> None:
    (first, second) = read_ini("\ufeff[A]\n# note\na = 1\n\n  more\nb\n").entries
    assert (first.value, first.lines) == ("1\n\nmore", (3, 5))
    assert (second.value, second.line) == (None, 6)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\n", 1, r"before the first \[SECTION\]"),
        ("[A]\na=1\n[A]\n", 3, "began on line 1"),
        ("[A]\na=1\nA=2\n", 3, "line 2"),
        ("[A]\n= 1\n", 2, "no key"),
        ("[A]\na\n  b\n", 3, "has no '='"),
    ],
)
def test_faults_name_their_line(text: str, line: int, words: str) -> None:
    (fault,) = read_ini(text).faults
    assert fault.line == line
    assert re.search(words, fault.message)
