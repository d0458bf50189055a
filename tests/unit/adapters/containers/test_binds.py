from __future__ import annotations

import pytest

from biomero.adapters.containers.binds import bind_options
from biomero.errors import ContainerImageError


def test_plain_folders_are_bound_once_each() -> None:
    assert bind_options(("/data/a", "/data/b-1", "/data/a")) == ("--bind", "/data/a", "--bind", "/data/b-1")


def test_folders_that_a_bind_would_split_are_mounted_with_quoted_fields() -> None:
    assert bind_options(('/d/a b,c:"x"',)) == (
        "--mount",
        'type=bind,"source=/d/a b,c:""x""","destination=/d/a b,c:""x"""',
    )


@pytest.mark.parametrize(
    "folder", ["data", "", "/data/../etc", "/data/a\nb", "/data/\x00", "~/data", "/\udcff"]
)
def test_folders_that_cannot_be_bound_are_refused(folder: str) -> None:
    with pytest.raises(ContainerImageError, match="cannot be shown"):
        bind_options((folder,))
