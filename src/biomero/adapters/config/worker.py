"""What a worker is told: how it says how it is, and whom it tells how runs end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from biomero.adapters.config.keys import setting
from biomero.adapters.config.layers import Found
from biomero.adapters.config.sections import read
from biomero.application.settings import EmailSettings, NotifySettings, WebhookSettings, WorkerSettings

Values = Mapping[tuple[str, str], Found]


def worker_settings(values: Values) -> WorkerSettings:
    """Return the settings of [WORKER]."""
    unsaid = WorkerSettings()
    socket = _read(values, "WORKER", "socket")
    return WorkerSettings(
        socket=socket if isinstance(socket, Path) else None,
        http_address=_text(values, "WORKER", "http_address"),
        log_format=_text(values, "WORKER", "log_format") or unsaid.log_format,
        max_exports=_number(values, "max_exports") or unsaid.max_exports,
        max_submits=_number(values, "max_submits") or unsaid.max_submits,
        max_fetches=_number(values, "max_fetches") or unsaid.max_fetches,
        max_deliveries=_number(values, "max_deliveries") or unsaid.max_deliveries,
        max_runs_per_user=_number(values, "max_runs_per_user"),
        max_conversions=_number(values, "max_conversions"),
    )


def notify_settings(values: Values) -> NotifySettings:
    """Return the settings of [NOTIFY]; a way without a receiver is none."""
    url = _text(values, "NOTIFY", "webhook_url")
    return NotifySettings(
        on=_words(values, "notify_on"),
        email=_email(values),
        webhook=None
        if url is None
        else WebhookSettings(url=url, secret=_text(values, "NOTIFY", "webhook_secret")),
    )


def _email(values: Values) -> EmailSettings | None:
    to = _words(values, "email_to")
    if not to:
        return None
    port = _read(values, "NOTIFY", "smtp_port")
    assert isinstance(port, int)  # noqa: S101 - it has a default
    fixed = [address for address in to if "{user}" not in address]
    return EmailSettings(
        host=_text(values, "NOTIFY", "smtp_host") or "localhost",
        port=port,
        to=to,
        sender=_text(values, "NOTIFY", "email_from") or next(iter(fixed), "biomero@localhost"),
        security=_text(values, "NOTIFY", "smtp_security") or "starttls",
        user=_text(values, "NOTIFY", "smtp_user"),
        password=_text(values, "NOTIFY", "smtp_password"),
    )


def _read(values: Values, section: str, key: str) -> object:
    return read(setting(section, key), values.get((section, key)))


def _text(values: Values, section: str, key: str) -> str | None:
    found = _read(values, section, key)
    return found if isinstance(found, str) else None


def _words(values: Values, key: str) -> tuple[str, ...]:
    found = _read(values, "NOTIFY", key)
    return found if isinstance(found, tuple) else ()


def _number(values: Values, key: str) -> int | None:
    found = _read(values, "WORKER", key)
    return found if isinstance(found, int) else None
