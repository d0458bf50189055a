from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomero.adapters.ngff.layout import CHUNK, TILE_BYTES, plan_levels
from biomero.domain.imaging import ImageMetadata


def metadata(axes: str, *shape: int, dtype: str = "uint16") -> ImageMetadata:
    return ImageMetadata(name="a", axes=axes, shape=shape, dtype=dtype)


@given(
    shape=st.tuples(
        st.integers(1, 2000),
        st.integers(1, 4),
        st.integers(1, 300),
        st.integers(1, 90_000),
        st.integers(1, 90_000),
    ),
    block=st.tuples(st.integers(1, 90_000), st.integers(1, 90_000)),
    dtype=st.sampled_from(["uint8", "uint16", "float64"]),
)
def test_tiles_are_bounded_and_fit_chunks_and_each_other(
    shape: tuple[int, ...], block: tuple[int, int], dtype: str
) -> None:
    levels = plan_levels(metadata("tczyx", *shape, dtype=dtype), block)
    for level in levels:
        held = math.prod(min(t, s) for t, s in zip(level.tile, level.shape, strict=True))
        assert held * np.dtype(dtype).itemsize <= TILE_BYTES
        assert all(shard % chunk == 0 for shard, chunk in zip(level.shard, level.chunk, strict=True))
        assert level.tile[1] == 1, "one channel at a time"
    for level, above in itertools.pairwise(levels):
        assert above.tile[:-2] == level.tile[:-2]
        assert all(2 * a % b == 0 for a, b in zip(above.tile[-2:], level.tile[-2:], strict=True))


@pytest.mark.parametrize(
    ("axes", "shape", "block", "shard"),
    [
        ("yx", (65536, 65536), (1024, 1024), (2048, 16384)),
        ("zyx", (16, 2048, 4096), (2048, 4096), (4, 2048, 4096)),
        ("tczyx", (2, 4, 16, 2048, 2048), (512, 512), (1, 1, 8, 2048, 2048)),
        ("tcyx", (1000, 3, 512, 512), (512, 512), (128, 1, 512, 512)),
        ("cyx", (3, 300, 200), (300, 200), (1, 300, 200)),
    ],
)
def test_shards_follow_what_is_cheap_to_read(
    axes: str, shape: tuple[int, ...], block: tuple[int, int], shard: tuple[int, ...]
) -> None:
    assert plan_levels(metadata(axes, *shape), block)[0].shard == shard


def test_chunks_are_parts_of_one_plane() -> None:
    level = plan_levels(metadata("tczyx", 2, 3, 4, 3000, 700), (3000, 700))[0]
    assert level.chunk == (1, 1, 1, CHUNK, 700)
