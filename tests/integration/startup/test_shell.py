"""What ShellCheck says of the scripts that are delivered."""

from __future__ import annotations

from services import shellcheck
from services.omero_account import STARTUP


def test_shellcheck_has_no_complaints() -> None:
    scripts = sorted((*STARTUP.glob("*.sh"), *STARTUP.glob("lib/*.sh"), *STARTUP.parent.glob("*.sh")))
    assert len(scripts) == 10
    assert shellcheck.complaints(*scripts) == ""
