"""What the far end reports, read from text."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from biomero.adapters.ssh.remote_scripts import LISTING, MISSING_STATUS, script
from biomero.adapters.ssh.reports import failure, parse_report, parse_size_and_hash
from biomero.application.ports.transfer import RemoteFile
from biomero.errors import (
    NoSpaceError,
    RemotePermissionError,
    TransferError,
    UnparsableOutputError,
    UnsafePathError,
)
from services.hostile_names import HOSTILE

EMPTY = hashlib.sha256().hexdigest()


def test_every_name_that_the_real_tools_print_is_read_back(tmp_path: Path) -> None:
    for name in HOSTILE:
        (tmp_path / name).write_bytes(b"")
    printed = subprocess.run(script(LISTING, str(tmp_path)), capture_output=True, check=True).stdout
    assert {file.name for file in parse_report(printed)} == set(HOSTILE)


def test_the_real_tools_say_when_a_folder_is_missing(tmp_path: Path) -> None:
    ended = subprocess.run(script(LISTING, str(tmp_path / "x")), capture_output=True, check=False)
    assert ended.returncode == MISSING_STATUS


def test_no_files_are_a_report_too() -> None:
    assert parse_report(b"\0") == []


def test_carriage_returns_may_be_escaped_by_newer_tools() -> None:
    report = b"0 a\r\0\0\\" + EMPTY.encode() + b"  ./a\\r\n"
    assert parse_report(report) == [RemoteFile(name="a\r", size=0, sha256=EMPTY)]


@pytest.mark.parametrize(
    "report",
    [b"", b"nonsense", b"x a\0\0", b"0 a\0\0", b"0 a\0\0zz  ./a\n", b"\0" + EMPTY.encode() + b"  ./a\n"],
)
def test_anything_else_is_an_error_with_the_text(report: bytes) -> None:
    with pytest.raises(UnparsableOutputError):
        parse_report(report)


def test_a_size_stands_alone_where_there_is_no_file() -> None:
    assert parse_size_and_hash("0\n") == (0, "")
    assert parse_size_and_hash(f"5\n{EMPTY}  -\n") == (5, EMPTY)
    with pytest.raises(UnparsableOutputError, match="nonsense"):
        parse_size_and_hash("nonsense")


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("tar: ./a: Cannot write: No space left on device\ntar: Exiting with failure", NoSpaceError),
        ("cat: write error: Disk quota exceeded", NoSpaceError),
        ("mkdir: cannot create directory '/x': Permission denied", RemotePermissionError),
        ("mkdir: cannot create directory '/x': Read-only file system", RemotePermissionError),
        ("tar: ./No space left on device: Cannot stat: No such file or directory", TransferError),
        ("", TransferError),
    ],
)
def test_errors_of_the_far_end_are_told_by_the_systems_words(stderr: str, kind: type[Exception]) -> None:
    error = failure("sending", 2, stderr)
    assert type(error) is kind
    assert "sending" in str(error)


def test_a_refusal_of_our_scripts_is_an_unsafe_path() -> None:
    assert type(failure("sending", 79, "biomero: refused: ./x is a symbolic link")) is UnsafePathError
