"""The page on the doctor has every code."""

from __future__ import annotations

from pathlib import Path

from biomero.application.doctor.codes import codes_page

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "check-a-cluster.md"


def test_the_table_of_codes_is_current() -> None:
    """Replace the table on the page by what `codes_page` returns if this fails."""
    assert codes_page() in PAGE.read_text()
