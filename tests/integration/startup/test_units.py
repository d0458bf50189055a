"""The units for systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from services import systemd
from services.omero_account import STARTUP

UNITS = sorted(STARTUP.parent.glob("*.service"))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_has_no_complaints(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "biomero"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = unit.read_text().replace("/opt/biomero/startup", str(STARTUP))
    copy = tmp_path / unit.name
    copy.write_text(here.replace("/opt/biomero/bin/biomero", str(program)))
    assert systemd.complaints(copy) == ""


def test_there_is_one_for_each_kind_of_worker() -> None:
    assert [unit.stem for unit in UNITS] == ["biomero-worker", "omero-worker"]


def test_a_worker_of_omero_writes_to_its_own_folder_only() -> None:
    unit = STARTUP.parent / "omero-worker.service"
    (state,) = systemd.values(unit, "StateDirectory")
    written = {systemd.variables(unit)[name] for name in ("OMERODIR", "OMERO_TMPDIR", "BIOMERO_STATE")}
    assert all(Path(folder).is_relative_to(f"/var/lib/{state}") for folder in written)
