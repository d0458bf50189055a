"""Notices as calls of an address of somebody's own, signed so that they can tell ours."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from biomero.application.ports.notifier import Notice
from biomero.application.settings import WebhookSettings
from biomero.errors import NotificationFailedError, NotificationRefusedError

_TIMEOUT_S = 30.0
_MAY_CHANGE = frozenset({408, 425, 429})
_SERVER_ERROR = 500
SIGNATURE = "Biomero-Signature"


class WebhookNotifier:
    """Calls an address with a JSON document; see `Notifier`.

    The header ``Biomero-Signature: t=<seconds>,v1=<hex>`` holds the HMAC-SHA256 of ``<seconds>.<body>``; who
    compares the seconds with the clock is safe from old messages being sent again.
    """

    def __init__(
        self, settings: WebhookSettings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings = settings
        self._now = now

    def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        body = json.dumps(
            {"id": notice.id, "at": notice.at.astimezone(UTC).isoformat(), **notice.facts}, sort_keys=True
        ).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": notice.id, "User-Agent": "biomero"}
        if self._settings.secret is not None:
            headers[SIGNATURE] = signature(body, self._settings.secret, int(self._now().timestamp()))
        with self._errors():
            answer = httpx.post(
                self._settings.url, content=body, headers=headers, timeout=_TIMEOUT_S, follow_redirects=False
            )
        if answer.is_success:
            return
        said = f"the webhook at {self._host} answered {answer.status_code}"
        if answer.status_code in _MAY_CHANGE or answer.status_code >= _SERVER_ERROR:
            raise NotificationFailedError(said)
        raise NotificationRefusedError(said)

    @property
    def _host(self) -> str:
        # the rest of the address may be as good as a password
        return urlsplit(self._settings.url).hostname or ""

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise NotificationRefusedError(f"the webhook at {self._host} has no valid address") from None
        except httpx.HTTPError as exc:
            raise NotificationFailedError(f"the webhook at {self._host}: {type(exc).__name__}") from None


def signature(body: bytes, secret: str, seconds: int) -> str:
    """Return what a message is signed with.

    >>> signature(b"{}", "secret", 0)[:12]
    't=0,v1=4bbe8'
    """
    mac = hmac.new(secret.encode(), f"{seconds}.".encode() + body, hashlib.sha256)
    return f"t={seconds},v1={mac.hexdigest()}"
