"""Arrays of OME-Zarr 0.5: Zarr 3, many chunks in one file, the shard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from biomero.adapters.ngff.layout import Level

DRIVER = "zarr3"

_BYTES = {"name": "bytes", "configuration": {"endian": "little"}}


def array_spec(path: Path, level: Level, dtype: str) -> dict[str, Any]:
    """Return tensorstore's description of the array of a level."""
    blosc = {
        "cname": "zstd",
        "clevel": 1,
        "shuffle": "bitshuffle",
        "typesize": np.dtype(dtype).itemsize,
        "blocksize": 0,
    }
    sharding = {
        "chunk_shape": list(level.chunk),
        "codecs": [_BYTES, {"name": "blosc", "configuration": blosc}],
        "index_codecs": [_BYTES, {"name": "crc32c"}],
        "index_location": "end",
    }
    return {
        "driver": DRIVER,
        "kvstore": {"driver": "file", "path": str(path)},
        "metadata": {
            "shape": list(level.shape),
            "data_type": dtype,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(level.shard)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": False if dtype == "bool" else 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            # NGFF 0.5: "dimension_names" MUST match the names of the axes.
            "dimension_names": list(level.axes),
        },
    }
