"""What holds for every `RemoteShell`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from biomero.application.ports.shell import RemoteShell
from biomero.errors import RemoteTimeoutError
from services.hostile_names import HOSTILE


def test_exit_status_and_both_outputs_come_back(shell: RemoteShell) -> None:
    result = shell.run(("sh", "-c", "echo out; echo err >&2; exit 7"))
    assert (result.exit_status, result.stdout, result.stderr) == (7, "out\n", "err\n")
    assert not result.ok


def test_every_argument_reaches_the_program_unchanged(shell: RemoteShell, tmp_path: Path) -> None:
    result = shell.run(("printf", "%s\\0", *HOSTILE, ""))
    assert result.stdout.split("\0")[:-1] == [*HOSTILE, ""]
    assert not list(tmp_path.rglob("pwned"))
    assert not (Path.home() / "pwned").exists()


def test_input_reaches_the_program(shell: RemoteShell) -> None:
    assert shell.run(("cat",), stdin=b"hello").stdout == "hello"


def test_much_input_and_output_at_once_does_not_block(shell: RemoteShell) -> None:
    data = b"0123456789abcde\n" * (20 * 2**16)
    assert len(shell.run(("cat",), stdin=data).stdout) == len(data)


def test_a_program_may_leave_its_input_unread(shell: RemoteShell) -> None:
    assert shell.run(("true",), stdin=bytes(2**22)).ok


def test_variables_reach_the_program(shell: RemoteShell) -> None:
    result = shell.run(("sh", "-c", 'printf %s "$SAID"'), env={"SAID": 'it\'s $(me)\n"x"'})
    assert result.stdout == 'it\'s $(me)\n"x"'


def test_output_that_is_not_utf8_is_kept(shell: RemoteShell) -> None:
    result = shell.run(("printf", "\\377\\376"))
    assert result.stdout.encode(errors="surrogateescape") == b"\xff\xfe"


def test_a_program_that_is_missing_ends_with_127(shell: RemoteShell) -> None:
    assert shell.run(("no-such-program-anywhere",)).exit_status == 127


def test_a_command_that_takes_too_long_is_an_error(shell: RemoteShell) -> None:
    with pytest.raises(RemoteTimeoutError, match="sleep"):
        shell.run(("sleep", "60"), timeout_s=0.7)
    assert shell.run(("true",)).ok


def test_the_working_folder_is_the_home_folder(shell: RemoteShell) -> None:
    result = shell.run(("sh", "-c", 'test "$(pwd -P)" = "$(cd && pwd -P)"'))
    assert result.ok


def test_a_program_ended_by_a_signal_did_not_end_well(shell: RemoteShell) -> None:
    assert not shell.run(("sh", "-c", "kill -9 $$")).ok


def test_many_threads_share_one_shell(shell: RemoteShell) -> None:
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda number: shell.run(("echo", str(number))).stdout, range(24)))
    assert said == [f"{number}\n" for number in range(24)]


def test_commands_are_counted(shell: RemoteShell) -> None:
    before = shell.counts
    shell.run(("true",))
    shell.run(("false",))
    after = shell.counts
    assert after.commands - before.commands == 2
    assert after.logins <= 1 or after.logins == before.logins


def test_a_closed_shell_opens_again(shell: RemoteShell) -> None:
    shell.run(("true",))
    shell.close()
    assert shell.run(("true",)).ok
