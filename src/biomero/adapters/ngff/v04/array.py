"""Arrays of OME-Zarr 0.4: Zarr 2, a file for each chunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from biomero.adapters.ngff.layout import Level

DRIVER = "zarr"


def array_spec(path: Path, level: Level, dtype: str) -> dict[str, Any]:
    """Return tensorstore's description of the array of a level."""
    return {
        "driver": DRIVER,
        "kvstore": {"driver": "file", "path": str(path)},
        "metadata": {
            "shape": list(level.shape),
            "chunks": list(level.chunk),
            "dtype": np.dtype(dtype).str,
            "order": "C",
            "fill_value": False if dtype == "bool" else 0,
            "filters": None,
            # NGFF 0.4: chunks lie in nested folders, "/" SHOULD separate their indices.
            "dimension_separator": "/",
            "compressor": {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 2, "blocksize": 0},
        },
    }
