"""From when on the past is looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


def days_before(now: datetime, days: int) -> datetime:
    """Return the moment some days ago; for very many days one that is older than every job.

    >>> days_before(datetime(2026, 1, 31, tzinfo=UTC), 30).isoformat()
    '2026-01-01T00:00:00+00:00'
    >>> days_before(datetime(2026, 1, 31, tzinfo=UTC), 999999).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    if days > (now - _EARLIEST).days:
        return _EARLIEST
    return now - timedelta(days=days)
