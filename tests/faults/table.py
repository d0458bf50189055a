"""The table of scenarios in the documentation.

As a program (in the folder ``tests``), it writes the page anew::

    python -m faults.table
"""

from __future__ import annotations

from pathlib import Path

from faults import (
    test_cluster,
    test_databases,
    test_disks,
    test_orders,
    test_people,
    test_retries,
    test_ssh,
    test_submission,
    test_workers,
)
from faults.scenario import Scenarios

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "faults.md"
_BEGIN = "<!-- scenarios: written by `python -m faults.table` in the folder `tests` -->"
_END = "<!-- end of scenarios -->"
GROUPS: tuple[Scenarios, ...] = (
    test_workers.SCENARIOS,
    test_workers.SHARED,
    test_ssh.SCENARIOS,
    test_submission.SCENARIOS,
    test_cluster.DAEMONS,
    test_cluster.JOBS,
    test_cluster.PURGED,
    test_retries.SCENARIOS,
    test_disks.CLUSTER,
    test_disks.HERE,
    test_databases.POSTGRES,
    test_databases.SQLITE,
    test_people.SCENARIOS,
    test_people.AWAY,
    test_people.HERE,
    test_orders.ORDERS,
    test_orders.CLOCKS,
    test_orders.SHARED_CLOCKS,
)


def page() -> str:
    """Return the page with the table of today."""
    head, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN}\n\n{_tables()}\n{_END}{tail}"


def _tables() -> str:
    parts = []
    for group in GROUPS:
        rows = [f"| {s.name} | {s.what}{' *' if s.is_short else ''} |" for s in group.all]
        parts.append(
            "\n".join([f"### {group.title}", "", "| scenario | what is done |", "| --- | --- |", *rows])
        )
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
