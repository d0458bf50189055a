"""``biomero stats``: what runs and jobs cost."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biomero.application.stats import FAILURE_CLASSES, Grouping, Stats, Usage, measure_usage
from biomero.bootstrap import open_accounting, settings_for, usage_to_parquet, usage_to_png
from biomero.entrypoints.cli import exits
from biomero.entrypoints.cli.options import config_option, json_option
from biomero.errors import ParameterError

_RUN_COLUMNS = ("runs", "done", "failed", "cancelled", "open", "took")
_JOB_COLUMNS = (
    *("jobs", "queued", "wall h", "CPU h", "CPU\nused"),
    *("max\nmemory", "memory\nused", "GPU h", "kWh"),
)
_MINUTE_S, _HOUR_S = 60, 3600
_MIB_PER_GIB = 1024


@click.command()
@click.option(
    "--by",
    type=click.Choice([g.value for g in Grouping]),
    default=Grouping.WORKFLOW.value,
    show_default=True,
    help="What runs are put together by.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    metavar="DATE",
    help="Only runs that were asked for since then, such as 2026-01-31 (UTC).",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--parquet", "as_parquet", is_flag=True, help="Write Parquet, to --out or a pipe.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw a picture (PNG) into this file."
)
@config_option
@json_option
@exits.tells_errors
def stats(
    *,
    by: str,
    since: datetime | None,
    as_csv: bool,
    as_parquet: bool,
    out: Path | None,
    plot: Path | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Say what runs and their jobs cost: time, memory, waiting, failures.

    What accounting does not say is left empty, and counts as unknown. "CPU used" is CPU time by wall time and
    the CPUs that jobs had; "memory used" is their largest memory by the memory that they had. GPU hours count
    the GPUs that jobs had, or asked for where the cluster does not count them.
    """
    if as_csv + as_parquet + as_json > 1:
        raise ParameterError("choose one of --csv, --json and --parquet")
    if as_parquet and out is None and sys.stdout.isatty():
        raise ParameterError("Parquet is nothing to look at; say where it goes with --out FILE")
    if out is not None and not (as_csv or as_parquet or as_json):
        raise ParameterError("--out needs one of --csv, --json and --parquet")
    start = None if since is None else since.replace(tzinfo=UTC)
    with open_accounting(settings_for(config=config)) as accounting:
        found = measure_usage(accounting, by=Grouping(by), since=start)
    if plot is not None:
        _write(plot, usage_to_png(found))
    if as_parquet:
        _give(usage_to_parquet(found), out)
    elif as_csv:
        _give(_csv(found).encode(), out)
    elif as_json and out is not None:
        _write(out, exits.json_text(_document(found)).encode())
    elif as_json:
        exits.print_json(_document(found))
    else:
        _print(found)


def _give(content: bytes, out: Path | None) -> None:
    if out is not None:
        _write(out, content)
    else:
        click.echo(content, nl=False)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as exc:
        raise ParameterError(f"{file} cannot be written: {exc.strerror}") from exc


def _csv(found: Stats) -> str:
    target = io.StringIO()
    writer = csv.DictWriter(target, fieldnames=list(found.total.columns()), lineterminator="\n")
    writer.writeheader()
    writer.writerows(usage.columns() for usage in found.groups)
    return target.getvalue()


def _document(found: Stats) -> dict[str, Any]:
    return {
        "by": found.by.value,
        "since": None if found.since is None else found.since.isoformat(),
        "groups": [usage.columns() for usage in found.groups],
        "total": found.total.columns(),
    }


def _print(found: Stats) -> None:
    console = Console(highlight=False)
    console.print(_table(found, _run_cells, _RUN_COLUMNS))
    if found.total.jobs:
        console.print()
        console.print(_table(found, _job_cells, _JOB_COLUMNS))
    for usage in (found.total, *found.groups):
        if usage.failures and (usage is found.total or len(found.groups) > 1):
            whose = "" if usage is found.total else f" ({escape(exits.printable(usage.group))})"
            console.print(f"failed runs by class{whose}: {_failures(usage)}", soft_wrap=True)


def _table(found: Stats, cells: Callable[[Usage], list[str]], columns: tuple[str, ...]) -> Table:
    """Return a table that has room on a terminal of 80 columns."""
    table = Table(box=None, header_style="bold", collapse_padding=True, pad_edge=False)
    table.add_column(found.by.value)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for usage in found.groups:
        table.add_row(escape(exits.printable(usage.group)), *cells(usage))
    if len(found.groups) > 1:
        table.add_section()
        table.add_row(found.total.group, *cells(found.total), style="bold")
    return table


def _failures(usage: Usage) -> str:
    return ", ".join(
        f"{usage.failures[kind]} {kind} ({usage.rate_of(kind) or 0:.0%})"
        for kind in FAILURE_CLASSES
        if kind in usage.failures
    )


def _run_cells(usage: Usage) -> list[str]:
    failed = str(usage.failed)
    if usage.failed and usage.failure_rate is not None:
        failed += f" ({usage.failure_rate:.0%})"
    open_runs = usage.runs - usage.done - usage.failed - usage.cancelled
    return [
        str(usage.runs),
        str(usage.done),
        failed,
        str(usage.cancelled),
        str(open_runs),
        _span(usage.average_run_s),
    ]


def _job_cells(usage: Usage) -> list[str]:
    known = "" if usage.measured_jobs == usage.jobs else f" ({usage.measured_jobs} known)"
    return [
        f"{usage.jobs}{known}",
        _span(usage.average_queue_s),
        _amount(usage.wall_hours),
        _amount(usage.cpu_hours),
        _share(usage.efficiency),
        _memory(usage.max_memory_mb),
        _share(usage.memory_efficiency),
        _amount(usage.gpu_hours),
        _amount(usage.energy_kwh),
    ]


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _span(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{seconds / _MINUTE_S:.0f} min" if seconds < _HOUR_S else f"{seconds / _HOUR_S:.1f} h"


def _memory(megabytes: float | None) -> str:
    if megabytes is None:
        return ""
    return f"{megabytes:.0f} MiB" if megabytes < _MIB_PER_GIB else f"{megabytes / _MIB_PER_GIB:.1f} GiB"
