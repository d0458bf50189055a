"""Fixtures of the doctor's tests."""

from __future__ import annotations

from services.container_fixtures import apptainer, tiny_root

__all__ = ["apptainer", "tiny_root"]
