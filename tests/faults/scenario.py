"""Scenarios: what is done to a run on its way, told by a sentence, and how it must end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from faults.scene import Scene

Act = Callable[[Scene], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One thing that goes wrong.

    Parameters
    ----------
    name
        A sentence.
    what
        What is done, for people.
    act
        Does it: submits runs, breaks something, mends it, and returns when the runs are over.
    is_short
        It belongs to the part that runs with all other tests.
    """

    name: str
    what: str
    act: Act
    is_short: bool = False

    def play(self, scene: Scene) -> None:
        """Do it, and let the auditor look."""
        self.act(scene)
        report = scene.audit()
        assert not report.findings, report.text


@dataclass(slots=True)
class Scenarios:
    """The scenarios of one file; they appear in the documentation under its title."""

    title: str
    all: list[Scenario] = field(default_factory=list)

    def add(self, *, short: bool = False) -> Callable[[Act], Act]:
        """Add a function: its name is the scenario's sentence, its documentation says what is done."""

        def added(act: Act) -> Act:
            name = act.__name__.strip("_").replace("_", " ")
            what = " ".join((act.__doc__ or "").split())
            self.all.append(Scenario(name=name, what=what, act=act, is_short=short))
            return act

        return added

    def each(self, act: Callable[[Scene, str], None], *values: str, short: str = "") -> None:
        """Add a function once for each value, with which its name ends; in its documentation ``{}`` is it.

        Parameters
        ----------
        short
            The value for which it belongs to the part that runs with all other tests.
        """
        for value in values:
            name = f"{act.__name__.strip('_').replace('_', ' ')} {value}"
            what = " ".join((act.__doc__ or "").split()).format(value)
            bound = _bound(act, value)
            self.all.append(Scenario(name=name, what=what, act=bound, is_short=value == short))

    def params(self) -> list[Any]:
        """Return them for ``pytest.mark.parametrize``."""
        return [
            pytest.param(s, id=s.name.replace(" ", "-"), marks=[pytest.mark.faults_short] * s.is_short)
            for s in self.all
        ]


def _bound(act: Callable[[Scene, str], None], value: str) -> Act:
    return lambda scene: act(scene, value)
