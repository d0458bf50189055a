"""What all tests share: services that were promised, and a summary of what was met for real."""

from __future__ import annotations

from collections import Counter

import pytest

pytest_plugins = ["services.fixtures"]

_REAL = {"slurm": "real Slurm", "sshd": "a real sshd", "apptainer": "a real Apptainer"}


class _Met:
    """Counts the tests that passed on a real service."""

    def __init__(self) -> None:
        self._marks: dict[str, set[str]] = {}
        self._passed: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        # not by keywords: folders of that name count there too
        self._marks = {i.nodeid: {m.name for m in i.iter_markers() if m.name in _REAL} for i in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.update(self._marks.get(report.nodeid, ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for mark, words in _REAL.items():
            terminalreporter.write_line(f"{self._passed[mark]} tests met {words}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Met())
