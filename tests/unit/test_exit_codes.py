"""Exit codes, by what went wrong."""

from __future__ import annotations

import pytest

from biomero import errors
from biomero.entrypoints.cli.exits import RUN_FAILED, UNREACHABLE, USAGE, exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InputError, USAGE),
        (errors.ConfigurationError, USAGE),
        (errors.ImageReadError, USAGE),
        (errors.SubmissionRejectedError, USAGE),
        (errors.NoSpaceError, USAGE),
        (errors.DatabaseUnavailableError, USAGE),
        (errors.RemotePermissionError, USAGE),
        (errors.ConnectionFailedError, UNREACHABLE),
        (errors.HostKeyError, UNREACHABLE),
        (errors.AuthenticationFailedError, UNREACHABLE),
        (errors.SchedulerUnavailableError, UNREACHABLE),
        (errors.RunPausedError, UNREACHABLE),
        (errors.BiomeroError, RUN_FAILED),
    ],
)
def test_every_error_has_its_exit_code(error: type[errors.BiomeroError], code: int) -> None:
    assert exit_code(error("x")) == code
