from __future__ import annotations

import pytest

from services.crate_validator import CrateValidator, crate_validator


@pytest.fixture(scope="session")
def validator() -> CrateValidator:
    """A real RO-Crate validator."""
    return crate_validator()
