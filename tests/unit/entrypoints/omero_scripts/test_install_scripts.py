"""Our scripts, in a folder that OMERO looks into."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from biomero import constants
from biomero.entrypoints.cli.omero import omero

PUBLISHED = {
    constants.RUN_WF_SCRIPT,
    constants.RUN_WF_BATCHED_SCRIPT,
    constants.IMAGE_IMPORT_SCRIPT,
    constants.IMAGE_EXPORT_SCRIPT,
    constants.CONVERSION_SCRIPT,
    constants.FILE_TRANSFER_SCRIPT,
    "SLURM_Get_Update.py",
    "SLURM_check_setup.py",
    "SLURM_Init_environment.py",
    "Cancel_Run.py",
    "Tail_Logs.py",
}


def install(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(omero, ["install-scripts", *words])
    return done.exit_code, done.output


def test_scripts_are_copied_and_what_differs_is_put_right(tmp_path: Path) -> None:
    code, told = install(str(tmp_path))
    assert code == 0, told
    folder = tmp_path / "biomero"
    assert {file.name for file in folder.iterdir()} == PUBLISHED
    (folder / "mine.py").write_text("x = 1\n")
    (folder / "Cancel_Run.py").write_text("broken")
    code, told = install(str(folder))
    assert told.count("as it was") == len(PUBLISHED) - 1
    assert "installed  Cancel_Run.py" in told
    assert (folder / "mine.py").exists()
    assert "cancel_run()" in (folder / "Cancel_Run.py").read_text()


def test_a_place_must_be_named_and_be_there(tmp_path: Path) -> None:
    assert install()[0] == 2
    assert install(str(tmp_path), "--server")[0] == 2
    code, told = install(str(tmp_path / "none" / "scripts"))
    assert (code, "no such folder" in told) == (2, True)
