"""What all tests share: services that were promised, and a summary of what was met for real."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("biomero", deadline=None)  # nothing is measured here; machines are busy
settings.load_profile("biomero")

pytest_plugins = ["services.fixtures"]

collect_ignore = [
    "services/grid_client.py",
    "services/dying_writer.py",
    "services/omero_attaching.py",
    "services/omero_reading.py",
    "services/omero_clients",
    "omero_server",
]
"""Programs for environments with omero-py."""

_REAL = {
    "slurm": "real Slurm",
    "sshd": "a real sshd",
    "apptainer": "a real Apptainer",
    "postgres": "a real PostgreSQL",
    "omero": "the test server of OMERO, over real Ice",
    "grid": "a real OMERO.grid",
    "podman": "a container image built here",
}

_MET = "met"
"""The property of a report that names a service; reports travel from the processes that run the tests."""

_WHOLE = ("e2e", "integration")
"""Folders of tests that take their time even without a service."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is for every commit, all that meets nothing real and takes no time; put all in order."""
    whole = [config.rootpath / "tests" / folder for folder in _WHOLE]
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        if not marks & {*_REAL, "slow", "faults"} and not any(
            item.path.is_relative_to(folder) for folder in whole
        ):
            item.add_marker(pytest.mark.fast)
        # not by keywords: folders of that name count there too
        item.user_properties.extend((_MET, mark) for mark in _REAL if mark in marks)
    _longest_first(items)


def _longest_first(items: list[pytest.Item]) -> None:
    """Let files begin early whose tests may take long: the last one to begin is waited for by all."""
    may_take, count = Counter[Path](), Counter[Path]()
    for item in items:
        limit = item.get_closest_marker("timeout")
        may_take[item.path] = max(may_take[item.path], limit.args[0] if limit else 0)
        count[item.path] += 1
    items.sort(key=lambda item: (-may_take[item.path], -count[item.path], item.path))


class _Met:
    """Counts the tests that passed on a real service, wherever pytest ran them."""

    def __init__(self) -> None:
        self._passed: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed:
            self._passed.update(str(value) for name, value in report.user_properties if name == _MET)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for mark, words in _REAL.items():
            terminalreporter.write_line(f"{self._passed[mark]} tests met {words}")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # what a shell starts in the background ignores Ctrl-C; programs that tests start are to heed it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(_Met())
