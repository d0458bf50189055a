"""Whole plates are asked for where OME-Zarr is wanted of plates, and only of workflows that can read them."""

from __future__ import annotations

from typing import Any

import pytest

from biomero.application.script_names import transfer, workflow
from biomero.entrypoints.omero_scripts.run_order import orders


@pytest.mark.parametrize(
    ("data_type", "wants_zarr", "takes_zarr", "plates"),
    [
        ("Plate", True, True, "hcs"),
        ("Screen", True, True, "hcs"),
        ("Plate", False, True, "auto"),
        ("Plate", True, False, "auto"),
        ("Dataset", True, True, "auto"),
    ],
)
def test_how_images_of_wells_travel(data_type: str, wants_zarr: bool, takes_zarr: bool, plates: str) -> None:  # noqa: FBT001 - columns of the table above
    known: dict[str, dict[str, Any]] = {"a": {"name": "a", "takes_zarr": takes_zarr}}
    inputs = {
        transfer.DATA_TYPE: data_type,
        transfer.IDS: [5],
        workflow.USE_ZARR_FORMAT: wants_zarr,
        workflow.OUTPUT_CSV_TABLE: True,
        "a": True,
    }
    (order,) = orders(inputs, known, job="1", is_batched=False)
    assert order["plates"] == plates
