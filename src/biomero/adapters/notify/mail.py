"""Notices as e-mail."""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from biomero.application.ports.notifier import Notice
from biomero.application.settings import EmailSettings
from biomero.errors import NotificationFailedError, NotificationRefusedError

_TIMEOUT_S = 30.0
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_PERMANENT = 500
_log = logging.getLogger(__name__)


class EmailNotifier:
    """Hands messages to a mail server; see `Notifier`.

    Parameters
    ----------
    tls
        Whom to trust; the machine's own authorities by default.
    """

    def __init__(self, settings: EmailSettings, *, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._tls = tls

    def send(self, notice: Notice) -> None:
        """See `Notifier.send`."""
        receivers = self._receivers(str(notice.facts.get("user") or ""))
        if not receivers:
            raise NotificationRefusedError(
                f"nobody gets e-mail: {', '.join(self._settings.to)} names no one for this run's user"
            )
        with self._errors(), self._connection() as server:
            refused = server.send_message(
                self._message(notice, receivers), from_addr=self._settings.sender, to_addrs=receivers
            )
        if refused:
            _log.warning("the mail server refused %s", ", ".join(refused), extra={"run": notice.run_id})

    def _receivers(self, user: str) -> list[str]:
        # a user name goes into an address only where it cannot change what the address means
        is_name = _USER.fullmatch(user) is not None
        return [to.replace("{user}", user) for to in self._settings.to if is_name or "{user}" not in to]

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        own = self._settings
        tls = self._tls or ssl.create_default_context()
        server: smtplib.SMTP
        if own.security == "tls":
            server = smtplib.SMTP_SSL(own.host, own.port, timeout=_TIMEOUT_S, context=tls)
        else:
            server = smtplib.SMTP(own.host, own.port, timeout=_TIMEOUT_S)
        with server:
            if own.security == "starttls":
                server.starttls(context=tls)
            if own.user is not None:
                if own.security == "none":
                    raise NotificationRefusedError(
                        "no password is sent over a way that is not encrypted: smtp_security = none"
                    )
                server.login(own.user, own.password or "")
            yield server

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn smtplib's errors into ours; none shows the password."""
        where = f"the mail server {self._settings.host}:{self._settings.port}"
        try:
            yield
        except smtplib.SMTPRecipientsRefused as exc:
            is_final = all(code >= _PERMANENT for code, _ in exc.recipients.values())
            kind = NotificationRefusedError if is_final else NotificationFailedError
            raise kind(f"{where} refused every receiver: {', '.join(exc.recipients)}") from None
        except smtplib.SMTPAuthenticationError as exc:
            # somebody may put the password right; what the server said may repeat the name, not the password
            raise NotificationFailedError(f"{where} refused the login ({exc.smtp_code})") from None
        except smtplib.SMTPResponseException as exc:
            kind = NotificationRefusedError if exc.smtp_code >= _PERMANENT else NotificationFailedError
            said = (
                exc.smtp_error if isinstance(exc.smtp_error, str) else exc.smtp_error.decode(errors="replace")
            )
            raise kind(f"{where} answered {exc.smtp_code} {said[:200]}") from exc
        except (smtplib.SMTPException, OSError) as exc:
            raise NotificationFailedError(f"{where}: {exc}") from exc

    def _message(self, notice: Notice, receivers: list[str]) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = _one_line(f"[biomero] {notice.facts.get('workflow', '')}: {notice.status}")
        message["From"] = self._settings.sender
        message["To"] = ", ".join(receivers)
        message["Date"] = format_datetime(notice.at)
        message["Message-ID"] = f"<{notice.id}@{self._settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # no answers by machines
        message.set_content(_text(notice.facts))
        return message


def _text(facts: Mapping[str, Any]) -> str:
    images = facts.get("images") or {}
    failed = images.get("failed")
    lines = [
        f"Run {facts.get('run')} of {facts.get('workflow')} is {facts.get('status')}.",
        "",
        f"images:  {images.get('total', 0)}{f', {failed} of them failed' if failed else ''}",
        f"cluster: {facts.get('cluster')}",
        f"results: {facts.get('results')}",
    ]
    if facts.get("user"):
        lines.append(f"user:    {facts['user']}")
    failure = facts.get("failure")
    if failure:
        lines += ["", str(failure.get("message")), str(failure.get("advice"))]
    if facts.get("status") == "paused":
        lines += [
            "",
            "It goes on where it stands when that is put right:",
            f"  biomero runs resume {facts['run']}",
        ]
    return "\n".join(_one_line(line) for line in lines) + "\n"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text.encode("utf-8", "replace").decode())
