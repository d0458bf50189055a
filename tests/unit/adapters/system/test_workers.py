"""A process knows itself and the machine it is on, and sees that another one has ended."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys

import pytest

from biomero.adapters.system import is_gone, this_machine, this_worker


def test_a_container_may_have_a_name_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BIOMERO_MACHINE", raising=False)
    assert this_machine() == platform.node()
    monkeypatch.setenv("BIOMERO_MACHINE", "worker/1|a")
    assert this_machine() == "worker-1-a"
    assert this_worker().host.partition("/")[0] == this_machine()


def test_a_process_is_gone_when_it_ended_or_its_number_is_another_one_s() -> None:
    mine = this_worker()
    assert mine.pid == os.getpid()
    assert not is_gone(mine)
    assert is_gone(dataclasses.replace(mine, started=mine.started + 1))
    assert not is_gone(dataclasses.replace(mine, host="elsewhere/x/y", started=1))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_gone(dataclasses.replace(mine, pid=ended.pid, started=1))
