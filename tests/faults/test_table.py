"""The documentation has the scenarios of today, and names are not used twice."""

from __future__ import annotations

from faults.table import GROUPS, PAGE, page


def test_the_documentation_names_every_scenario() -> None:
    assert PAGE.read_text() == page(), "write it anew: cd tests && python -m faults.table"


def test_there_are_enough_scenarios_and_each_has_its_own_name() -> None:
    names = [scenario.name for group in GROUPS for scenario in group.all]
    assert len(names) >= 60
    assert len(set(names)) == len(names)
