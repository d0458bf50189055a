"""A lab at the test server, and users who call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.omero_callers import Callers, callers_of
from services.omero_server import OmeroServer


@pytest.fixture(scope="module")
def callers(omero_server: OmeroServer) -> Iterator[Callers]:
    with callers_of(omero_server) as found:
        yield found
