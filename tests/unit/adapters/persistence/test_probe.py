"""Whether a database can be reached, said without its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from biomero.adapters.persistence.probe import DatabaseProbe


def test_a_database_that_is_not_made_yet_is_no_obstacle_and_stays_unmade(tmp_path: Path) -> None:
    assert DatabaseProbe(f"sqlite:///{tmp_path}/new.sqlite").obstacle() is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("not a database, but long enough to be looked at" * 50)
    assert "not a database" in (DatabaseProbe(f"sqlite:///{tmp_path}/x.sqlite").obstacle() or "")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://jane:hidden-word@127.0.0.1:1/runs",
        "nosuchdatabase://jane:hidden-word@127.0.0.1/runs",
        "jane:hidden-word@127.0.0.1",
        "postgresql+psycopg://jane:hidden-word@127.0.0.1:port/runs",
    ],
)
def test_an_obstacle_is_told_without_the_password(url: str) -> None:
    probe = DatabaseProbe(url)
    assert probe.obstacle()
    assert "hidden-word" not in f"{probe.name} {probe.obstacle()}"
