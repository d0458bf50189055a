from collections.abc import Iterator

import pytest

from services.code_host import CodeHost, code_host


@pytest.fixture
def host() -> Iterator[CodeHost]:
    with code_host() as running:
        yield running
