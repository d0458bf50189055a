"""A real Apptainer, and a script's session on this machine."""

from __future__ import annotations

from services.container_fixtures import apptainer, tiny_root
from unit.application.script_api.conftest import world

__all__ = ["apptainer", "tiny_root", "world"]
