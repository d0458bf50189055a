"""Checks of the folder for runs, as the login node sees it."""

from __future__ import annotations

from collections.abc import Iterator

from biomero.application.doctor.codes import Code
from biomero.application.doctor.examination import GIB, Examination
from biomero.application.doctor.findings import Finding
from biomero.application.doctor.machine import size
from biomero.application.doctor.scripts import answers

_LEAST_SPACE = 1 * GIB
_LITTLE_SPACE = 10 * GIB
_LEAST_INODES = 1_000
_FEW_INODES = 50_000
_ROOM = 4
_FULL = ("no space left", "quota exceeded")


def check_data_folder(examination: Examination) -> Iterator[Finding]:
    """Make the folder if it is missing, write in it, and look how much still fits."""
    folder = examination.settings.data_path
    done = examination.run("data_folder.sh", folder)
    said = dict(answers(done.stdout))
    words = done.stderr.strip()
    if "unmade" in said or "path" not in said:
        yield _unwritable(folder, said.get("unmade") or words or f"exit status {done.exit_status}")
        return
    path = said["path"]
    if "unwritten" in said:
        yield _unwritable(path, said["unwritten"])
        return
    examination.data_path = path
    yield Code.DATA_PATH.ok(path, "can be written")
    numbers = [int(word) for word in said.get("room", "").split() if word.isdecimal()]
    if len(numbers) == _ROOM:
        free_blocks, block_size, all_inodes, free_inodes = numbers
        yield _space(path, free_blocks * block_size)
        yield from _inodes(path, all_inodes, free_inodes)
    if said.get("mode", "700")[-2:] != "00":
        yield Code.DATA_PERMISSIONS.warning(f"{path}/runs", f"its permissions are {said['mode']}")
    if said.get("quota", "").strip():
        yield Code.DATA_QUOTA.warning(path, said["quota"].strip())


def _unwritable(folder: str, words: str) -> Finding:
    """Tell a full disk from one that does not let us."""
    if any(text in words.lower() for text in _FULL):
        return Code.DATA_SPACE.problem(folder, words)
    return Code.DATA_PATH.problem(folder, words)


def _space(path: str, free: int) -> Finding:
    said = f"{size(free)} free"
    if free < _LEAST_SPACE:
        return Code.DATA_SPACE.problem(path, said)
    return Code.DATA_SPACE.warning(path, said) if free < _LITTLE_SPACE else Code.DATA_SPACE.ok(path, said)


def _inodes(path: str, total: int, free: int) -> Iterator[Finding]:
    """Judge how many files still fit; a file system that knows no such limit says 0 of 0."""
    if total == 0:
        return
    if free < _LEAST_INODES:
        yield Code.DATA_INODES.problem(path, f"only {free} more files fit")
    elif free < _FEW_INODES:
        yield Code.DATA_INODES.warning(path, f"only {free} more files fit")
