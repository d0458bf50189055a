"""What a machine says on which nothing speaks with OMERO."""

from __future__ import annotations

import subprocess
import sys

# a module that is None counts as not installed
_WITHOUT = """
import sys
sys.modules.update(omero=None, Ice=None)
from biomero.adapters.omero.login import session_for
from biomero.application.settings import OmeroSettings
from biomero.errors import OmeroUnavailableError
try:
    session_for(OmeroSettings(host="h", user="biomero", password="p"), "ann", "omero at h")
except OmeroUnavailableError as exc:
    print(exc)
"""


def test_a_session_for_somebody_needs_the_extra() -> None:
    ended = subprocess.run([sys.executable, "-c", _WITHOUT], capture_output=True, check=True, text=True)
    assert "pip install 'biomero[omero]'" in ended.stdout
