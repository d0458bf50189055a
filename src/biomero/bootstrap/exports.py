"""What writes costs as pictures and tables, where its libraries are installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from biomero.application.stats import Stats
from biomero.errors import ConfigurationError


def usage_to_png(stats: Stats) -> bytes:
    """Draw a picture of what runs and jobs cost.

    Raises
    ------
    ConfigurationError
        If the library for it is not installed.
    """
    with _needs("a picture"):
        from biomero.adapters.plots import usage_plot
    return usage_plot.usage_to_png(stats)


def usage_to_parquet(stats: Stats) -> bytes:
    """Return what runs and jobs cost as a Parquet file.

    Raises
    ------
    ConfigurationError
        If the library for it is not installed.
    """
    with _needs("Parquet"):
        from biomero.adapters.parquet import usage_table
    return usage_table.usage_to_parquet(stats)


@contextmanager
def _needs(what: str) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as exc:
        library = (exc.name or "").partition(".")[0]
        raise ConfigurationError(
            f"{what} needs {library}, which is not installed: pip install 'biomero[stats]'"
        ) from exc
