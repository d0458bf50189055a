"""Usage as a table in Parquet."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from biomero.application.stats import FAILURE_CLASSES, Stats

_COLUMNS = {
    "group": pa.string(),
    "runs": pa.int64(),
    "ended": pa.int64(),
    "done": pa.int64(),
    "failed": pa.int64(),
    "cancelled": pa.int64(),
    "failure_rate": pa.float64(),
    "average_run_s": pa.float64(),
    "jobs": pa.int64(),
    "measured_jobs": pa.int64(),
    "cpu_hours": pa.float64(),
    "wall_hours": pa.float64(),
    "efficiency": pa.float64(),
    "max_memory_mb": pa.float64(),
    "memory_efficiency": pa.float64(),
    "gpu_hours": pa.float64(),
    "energy_kwh": pa.float64(),
    "average_queue_s": pa.float64(),
    **{f"failed_{kind}": pa.int64() for kind in FAILURE_CLASSES},
    **{f"failure_rate_{kind}": pa.float64() for kind in FAILURE_CLASSES},
}


def usage_to_parquet(stats: Stats) -> bytes:
    """Return a file with a row for each group; its columns have the same types whatever is known."""
    rows = [usage.columns() for usage in stats.groups]
    table = pa.Table.from_pylist(rows, schema=pa.schema(list(_COLUMNS.items())))
    target = io.BytesIO()
    pq.write_table(table, target)
    return target.getvalue()
