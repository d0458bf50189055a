"""Brightness of labels, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from label_measurements.regions import Numbers, Regions


def measure_intensities(channels: NDArray[Any], regions: Regions) -> dict[str, Numbers]:
    """Measure every label in every channel.

    Parameters
    ----------
    channels, shape (c, y, x) or (c, z, y, x)
        Pixel values.

    Returns
    -------
    columns, each with one value for a label
        ``c0_mean``, ``c0_min``, ``c0_max`` and ``c0_integrated``, and so on for each channel.
    """
    columns: dict[str, Numbers] = {}
    for number, channel in enumerate(channels):
        values = channel.ravel()[regions.pixels].astype(np.float64)
        total = regions.total(values)
        columns[f"c{number}_mean"] = total / regions.sizes
        columns[f"c{number}_min"] = regions.smallest(values)
        columns[f"c{number}_max"] = regions.largest(values)
        columns[f"c{number}_integrated"] = total
    return columns
